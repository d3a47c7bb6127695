//! Which key somebody meant who wrote another.

/// Catches swapped and missing letters and keeps quiet about words that merely share a beginning.
const SIMILAR: f64 = 0.75;

/// Variables that begin with LP_ may be another program's: only a plain slip is taken for one of ours.
const ALMOST_THE_SAME: f64 = 0.93;

/// The key most like `written`, where one is like it at all.
pub(crate) fn key(written: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    most_like(written, known, SIMILAR)
}

/// As [`key`], for the name of a variable without its prefix.
pub(crate) fn variable(written: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    most_like(written, known, ALMOST_THE_SAME)
}

fn most_like(
    written: &str,
    known: impl Iterator<Item = &'static str>,
    at_least: f64,
) -> Option<&'static str> {
    let scored = known.map(|known| (strsim::jaro_winkler(written, known), known));
    scored.filter(|(score, _)| *score >= at_least).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 5] = ["http_host", "http_port", "action_slots", "retry_interval", "labels"];

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        for (written, meant) in [
            ("http_prot", Some("http_port")),
            ("acton_slots", Some("action_slots")),
            ("retry_intervall", Some("retry_interval")),
            ("xyzzy", None),
        ] {
            assert_eq!(key(written, KEYS.into_iter()), meant, "{written}");
            assert_eq!(variable(written, KEYS.into_iter()), meant, "{written}");
        }
        for written in ["task_id", "other", "http_proxy_host", "dest", "interval", "sim_seed"] {
            assert_eq!(variable(written, KEYS.into_iter()), None, "{written}");
        }
    }
}
