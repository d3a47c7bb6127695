//! The first lines of a script: which interpreter it names, and how it names the one beside it instead.
//!
//! A script of a venv begins with the absolute path of the venv's Python, in one of two ways: `#!/old/place/bin/python`, or, where that is
//! too long for the kernel or has blanks in it, as a shell script whose second line Python takes for the begin of a text:
//!
//! ```text
//! #!/bin/sh
//! '''exec' "/old place/bin/python" "$0" "$@"
//! ' '''
//! ```
//!
//! Both become the second way with a path that is worked out from where the script lies. Such a script works wherever the environment is
//! put, in a container at another path too, and also when it is called by a link or without the environment being active.

/// Directories whose interpreters belong to the machine: a script that names one of them means that one.
const OF_THE_MACHINE: [&str; 5] = ["/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin"];

/// How many bytes of a script tell all that matters here: PATH_MAX twice and some words.
pub const HEAD_BYTES: usize = 10 << 10;

/// The interpreter that a script names by an absolute path.
#[derive(Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// Its absolute path.
    pub path: &'a str,
    /// What stands after it on the first line.
    arguments: &'a str,
    /// Where the rest of the script begins.
    rest: usize,
}

impl<'a> Named<'a> {
    /// Reads the begin of a file. None where it is no script, or its interpreter is found by the PATH or beside it.
    pub fn read(head: &'a [u8]) -> Option<Self> {
        let first = line(head, 0)?;
        let interpreter = first.strip_prefix("#!")?.trim();
        if matches!(interpreter, "/bin/sh" | "/usr/bin/sh" | "/bin/bash") {
            return Self::read_exec(head, first.len() + 1);
        }
        let (path, arguments) = interpreter.split_once([' ', '\t']).unwrap_or((interpreter, ""));
        let is_search = path.ends_with("/env");
        (path.starts_with('/') && !is_search).then_some(Self {
            path,
            arguments: arguments.trim(),
            rest: first.len() + 1,
        })
    }

    /// The second way.
    fn read_exec(head: &'a [u8], begin: usize) -> Option<Self> {
        let second = line(head, begin)?;
        let words = second.strip_prefix("'''exec' ")?;
        let (path, after) = match words.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => words.split_once(' ')?,
        };
        let third_begin = begin + second.len() + 1;
        let third = line(head, third_begin)?;
        let is_whole = after.contains(r#""$0" "$@""#) && third.trim_end() == "' '''";
        let is_path = path.starts_with('/') && !path.contains(['$', '`']);
        (is_whole && is_path).then_some(Self { path, arguments: "", rest: third_begin + third.len() + 1 })
    }

    /// The file name of the interpreter.
    pub fn name(&self) -> &'a str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// Whether it is one of the machine's rather than one of an environment.
    pub fn is_of_the_machine(&self) -> bool {
        let dir = self.path.rsplit_once('/').map_or("", |(dir, _)| dir);
        OF_THE_MACHINE.contains(&dir)
    }

    pub fn is_python(&self) -> bool {
        self.name().starts_with("python") || self.name().starts_with("pypy")
    }

    /// The lines that replace those that were read: the interpreter called `name` beside the script.
    pub fn beside(&self, name: &str) -> String {
        if self.is_python() {
            let arguments = match self.arguments {
                "" => String::new(),
                some => format!(" {some}"),
            };
            return format!(
                "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")/{name}\"{arguments} \"$0\" \"$@\"\n' '''\n"
            );
        }
        // others would not take the lines above for a text of theirs
        match self.arguments {
            "" => format!("#!/usr/bin/env {name}\n"),
            some => format!("#!/usr/bin/env -S {name} {some}\n"),
        }
    }

    /// Where the rest of the script begins.
    pub fn rest(&self) -> usize {
        self.rest
    }
}

/// The line at `begin` without its end; None where it is not text or does not end.
fn line(head: &[u8], begin: usize) -> Option<&str> {
    let rest = head.get(begin..)?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    std::str::from_utf8(&rest[..end]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(&str, &str, &str)> {
        let named = Named::read(text.as_bytes())?;
        Some((named.path, named.arguments, &text[named.rest()..]))
    }

    #[test]
    fn the_interpreter_is_read_from_either_way() {
        assert_eq!(read("#!/old/bin/python\nimport x\n"), Some(("/old/bin/python", "", "import x\n")));
        assert_eq!(read("#! /old/bin/python3.11 -E -s\nx"), Some(("/old/bin/python3.11", "-E -s", "x")));
        assert_eq!(
            read("#!/bin/sh\n'''exec' \"/old place/bin/python\" \"$0\" \"$@\"\n' '''\nimport x\n"),
            Some(("/old place/bin/python", "", "import x\n"))
        );
        assert_eq!(
            read("#!/bin/sh\n'''exec' /long/bin/python \"$0\" \"$@\"\n' '''\nx"),
            Some(("/long/bin/python", "", "x"))
        );
    }

    #[test]
    fn what_names_no_absolute_path_is_left_alone() {
        for text in [
            "",
            "#!",
            "\u{7f}ELF",
            "no script\n",
            "#!/usr/bin/env python3.11\nx",
            "#!python\nx",
            "#!/bin/sh\necho hello\n",
            "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python' \"$0\" \"$@\"\n' '''\n",
            "#!/bin/sh\n'''exec' /x/python \"$0\" \"$@\"\nsomething else\n",
            "#!/no/newline/python",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_python_is_found_beside_the_script_and_others_by_the_path() {
        let named = |text: &'static str| Named::read(text.as_bytes()).unwrap();
        let python = named("#!/old/bin/python3 -E\n");
        assert_eq!(
            python.beside("python3"),
            "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")/python3\" -E \"$0\" \"$@\"\n' '''\n"
        );
        assert!(Named::read(python.beside("python3").as_bytes()).is_none(), "it is not read again");
        assert_eq!(named("#!/old/bin/perl\n").beside("perl"), "#!/usr/bin/env perl\n");
        assert_eq!(named("#!/old/bin/perl -w\n").beside("perl"), "#!/usr/bin/env -S perl -w\n");
        assert!(named("#!/usr/bin/python3\n").is_of_the_machine());
        assert!(!python.is_of_the_machine());
    }
}
