//! `lp bench` measures everything it promises. How fast this machine is, is nobody's test.

use std::collections::BTreeSet;

use crate::common::Cluster;

#[test]
fn a_quick_bench_has_a_figure_for_each_workload_and_leaves_nothing_behind() {
    let home = Cluster::empty();
    let directory = home.path("bench");
    std::fs::create_dir(&directory).unwrap();

    let ran = home.lp(&["bench", "--quick", "--json", "--dir", directory.to_str().unwrap()]).ok();

    let report = ran.json();
    let figures = report["figures"].as_array().unwrap();
    let workloads: BTreeSet<_> = figures.iter().map(|figure| figure["workload"].as_str().unwrap()).collect();
    assert_eq!(
        workloads.into_iter().collect::<Vec<_>>(),
        ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9"]
    );
    for figure in figures {
        let value = figure["value"].as_f64().unwrap();
        assert!(value.is_finite() && value >= 0.0, "{figure}");
        if let (Some(limit), Some(ratio)) = (figure["limit"].as_f64(), figure["ratio"].as_f64()) {
            assert!((value / limit - ratio).abs() < 1e-9, "{figure}");
        }
        if !figure["target"].is_null() {
            assert!(figure["target"]["kind"].is_string() && figure["is_met"].is_boolean(), "{figure}");
        }
    }
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
}
