//! A day in 24 small bars, the present hour at the right. Its numbers are told to whoever cannot see it.

use askama::Template;
use askama::filters::HtmlSafe;

const HEIGHT: f64 = 28.0;
const STEP: f64 = 5.0;

#[derive(Clone, Debug, Template)]
#[template(path = "parts/sparkline.html")]
pub(crate) struct Sparkline {
    label: String,
    width: f64,
    bars: Vec<Bar>,
}

impl HtmlSafe for Sparkline {}

#[derive(Clone, Debug)]
struct Bar {
    x: f64,
    y: f64,
    height: f64,
    title: String,
    is_known: bool,
}

impl Sparkline {
    /// `hours` are the values, the oldest first; None where one is not known. `most` is what a full bar stands for; None: the largest.
    pub(crate) fn new(noun: &str, hours: &[Option<u64>], most: Option<u64>) -> Self {
        let largest = most.unwrap_or(0).max(hours.iter().flatten().max().copied().unwrap_or(0)).max(1);
        let count = hours.len();
        let bar = |(n, value): (usize, &Option<u64>)| {
            let share = value.unwrap_or(0) as f64 / largest as f64;
            // what was there at all can be seen
            let height = if value.unwrap_or(0) > 0 { (share * HEIGHT).max(2.0) } else { 1.0 };
            let height = (height * 10.0).round() / 10.0;
            let ago = count - 1 - n;
            let when = if ago == 0 { "this hour".to_owned() } else { format!("{ago} h ago") };
            let what = value.map_or("not known".to_owned(), |value| format!("{value} {noun}"));
            Bar {
                x: n as f64 * STEP,
                y: HEIGHT - height,
                height,
                title: format!("{when}: {what}"),
                is_known: value.is_some(),
            }
        };
        let known: Vec<u64> = hours.iter().flatten().copied().collect();
        let label = match (known.iter().max(), known.last()) {
            (Some(most), Some(now)) => {
                format!("{noun}, the last {count} hours: {now} this hour, at most {most}")
            }
            _ => format!("{noun}: not known yet"),
        };
        Self { label, width: count as f64 * STEP, bars: hours.iter().enumerate().map(bar).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_seen_and_nothing_is_a_line() {
        let html = Sparkline::new("finished", &[None, Some(0), Some(1), Some(1000)], None).render().unwrap();

        assert!(
            html.contains("height=\"2\"")
                && html.contains("height=\"28\"")
                && html.contains("class=\"unknown\""),
            "{html}"
        );
        assert!(
            html.contains("1000 this hour, at most 1000") && html.contains("1 h ago: 1 finished"),
            "{html}"
        );
    }
}
