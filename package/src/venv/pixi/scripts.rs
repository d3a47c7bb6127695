//! Programs that a package only names: "call this function".

use std::path::Path;

/// The text of the script for `module:function`; None where that is no name of a function.
pub(super) fn of_entry_point(place: &Path, target: &str) -> Option<String> {
    // `module:function [extra]`
    let target = target.split('[').next().unwrap_or(target).trim();
    let (module, function) = target.split_once(':')?;
    let (module, function) = (module.trim(), function.trim());
    if !is_dotted(module) || !is_dotted(function) {
        return None;
    }
    let first = function.split('.').next().unwrap_or(function);
    let python = place.join("bin/python");
    Some(format!(
        "#!{}\nimport sys\n\nfrom {module} import {first}\n\nif __name__ == \"__main__\":\n    sys.exit({function}())\n",
        python.display()
    ))
}

/// `name = module:function`, where the name is one of a file.
pub(super) fn read(line: &str) -> Option<(&str, &str)> {
    let (name, target) = line.split_once('=')?;
    let name = name.trim();
    let is_name = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
    is_name.then_some((name, target.trim()))
}

/// The lines of `[console_scripts]` and `[gui_scripts]` of an `entry_points.txt`.
pub(super) fn in_section(text: &str) -> impl Iterator<Item = &str> {
    let mut is_wanted = false;
    text.lines().map(str::trim).filter(move |line| {
        if line.starts_with('[') {
            is_wanted = matches!(*line, "[console_scripts]" | "[gui_scripts]");
            return false;
        }
        is_wanted && !line.is_empty() && !line.starts_with(['#', ';'])
    })
}

fn is_dotted(path: &str) -> bool {
    path.split('.').all(|part| {
        let mut letters = part.chars();
        letters.next().is_some_and(|first| first == '_' || first.is_alphabetic())
            && letters.all(|letter| letter == '_' || letter.is_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_point_is_a_call_of_a_function_and_nothing_else() {
        let place = Path::new("/e");
        let script = of_entry_point(place, "tool.cli:App.main [fast]").unwrap();
        assert!(script.starts_with("#!/e/bin/python\n"), "{script}");
        assert!(script.contains("from tool.cli import App\n") && script.contains("sys.exit(App.main())"));
        for bad in ["tool", "tool:", "a:b;import os", "a b:c", "a:b()", "a..b:c", ":c", "1a:b"] {
            assert_eq!(of_entry_point(place, bad), None, "{bad}");
        }
        for (line, read_as) in [
            ("x = a:b", Some(("x", "a:b"))),
            ("../x = a:b", None),
            ("= a:b", None),
            (".. = a:b", None),
            ("x", None),
        ] {
            assert_eq!(read(line), read_as, "{line}");
        }
    }

    #[test]
    fn only_sections_of_scripts_are_read() {
        let text =
            "[other]\na = b:c\n[console_scripts]\n# no\nx = y:z\n\n[gui_scripts]\ng = h:i\n[end]\nq = r:s\n";
        assert_eq!(in_section(text).collect::<Vec<_>>(), ["x = y:z", "g = h:i"]);
    }
}
