//! A measured value beside the limit of the same run and the target.

use serde::Serialize;

/// What a value is counted in; it decides how it is written and which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Unit {
    #[serde(rename = "1/s")]
    PerSecond,
    #[serde(rename = "ms")]
    Milliseconds,
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "MiB")]
    Mebibytes,
    #[serde(rename = "bytes")]
    Bytes,
    #[serde(rename = "%")]
    Percent,
    /// A quotient of two values.
    #[serde(rename = "x")]
    Times,
}

impl Unit {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Unit::PerSecond => "1/s",
            Unit::Milliseconds => "ms",
            Unit::Seconds => "s",
            Unit::Mebibytes => "MiB",
            Unit::Bytes => "B",
            Unit::Percent => "%",
            Unit::Times => "x",
        }
    }

    /// Three digits that matter are more than a shared machine repeats.
    pub(super) fn text(self, value: f64) -> String {
        let digits = match value.abs() {
            value if value >= 100.0 => 0,
            value if value >= 10.0 => 1,
            value if value >= 1.0 => 2,
            _ => 3,
        };
        format!("{value:.digits$} {}", self.as_str())
    }
}

/// What a value has to reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub(super) enum Target {
    /// The value divided by the limit, where more is better.
    RatioAtLeast(f64),
    /// The value divided by the limit, where less is better.
    RatioAtMost(f64),
    /// The value itself.
    AtMost(f64),
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Figure {
    /// `W1` to `W9`, as `lp bench --only` names them.
    pub(super) workload: &'static str,
    pub(super) name: String,
    pub(super) unit: Unit,
    pub(super) value: f64,
    /// The same without a platform, measured in between.
    pub(super) limit: Option<f64>,
    pub(super) ratio: Option<f64>,
    pub(super) target: Option<Target>,
    pub(super) is_met: Option<bool>,
}

impl Figure {
    pub(super) fn new(workload: &'static str, name: impl Into<String>, unit: Unit, value: f64) -> Self {
        Self {
            workload,
            name: name.into(),
            unit,
            value,
            limit: None,
            ratio: None,
            target: None,
            is_met: None,
        }
    }

    /// Sets the limit; the ratio is the value divided by it.
    pub(super) fn beside(mut self, limit: f64) -> Self {
        self.limit = Some(limit);
        self.ratio = (limit > 0.0).then_some(self.value / limit);
        self.judge()
    }

    pub(super) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self.judge()
    }

    fn judge(mut self) -> Self {
        self.is_met = match self.target {
            None => None,
            Some(Target::AtMost(most)) => Some(self.value <= most),
            Some(Target::RatioAtLeast(least)) => self.ratio.map(|ratio| ratio >= least),
            Some(Target::RatioAtMost(most)) => self.ratio.map(|ratio| ratio <= most),
        };
        self
    }

    pub(super) fn target_text(&self) -> Option<String> {
        Some(match self.target? {
            Target::RatioAtLeast(least) => format!(">= {least:.2} of the limit"),
            Target::RatioAtMost(most) => format!("<= {most:.2} of the limit"),
            Target::AtMost(most) => format!("<= {}", self.unit.text(most)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_by_the_ratio_or_by_the_value() {
        let figure = |value| Figure::new("W1", "x", Unit::PerSecond, value);

        for (figure, is_met) in [
            (figure(500.0).beside(1000.0).target(Target::RatioAtLeast(0.5)), Some(true)),
            (figure(499.0).target(Target::RatioAtLeast(0.5)).beside(1000.0), Some(false)),
            (figure(3.1).beside(1.0).target(Target::RatioAtMost(3.0)), Some(false)),
            (figure(60.0).target(Target::AtMost(60.0)), Some(true)),
            (figure(60.0).target(Target::RatioAtMost(1.0)), None),
            (figure(60.0).beside(0.0).target(Target::RatioAtMost(1.0)), None),
            (figure(60.0), None),
        ] {
            assert_eq!(figure.is_met, is_met, "{figure:?}");
        }
    }

    #[test]
    fn values_are_written_with_the_digits_that_matter() {
        for (value, text) in
            [(1234.5, "1234 ms"), (12.34, "12.3 ms"), (1.234, "1.23 ms"), (0.0123, "0.012 ms")]
        {
            assert_eq!(Unit::Milliseconds.text(value), text);
        }
    }
}
