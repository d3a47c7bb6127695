//! GPUs: which there are, and what tells a program which of them are its own.
//!
//! They are given out one by one, by identity: two actions of one GPU each have different ones. That is held by convention, as everywhere: the variables tell the
//! libraries which devices to see; the devices' files stay open to who may open them.

use std::fs;
use std::path::Path;

use serde::Deserialize;

/// 1,000 GPUs: no machine has as many, and a slip must not make a list of billions.
const MOST: u64 = 1000;

/// The setting `gpus`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Wanted {
    Count(u64),
    Ids(Vec<String>),
}

/// One device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gpu {
    /// What it is called everywhere: its UUID where it has one.
    pub(crate) id: String,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nvidia,
    Amd,
    /// By the settings alone; told to programs as both are.
    Pretended,
}

impl Wanted {
    /// What is wrong with it.
    pub(crate) fn mistake(&self) -> Option<String> {
        let ids = match self {
            Wanted::Count(count) if *count > MOST => return Some(format!("gpus must be at most {MOST}")),
            Wanted::Count(_) => return None,
            Wanted::Ids(ids) => ids,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
        ids.iter().enumerate().find_map(|(index, id)| {
            if id.is_empty() || !id.chars().all(plain) {
                return Some(format!("`{}` in gpus is not an id of a GPU", id.escape_debug()));
            }
            ids[..index].contains(id).then(|| format!("gpus names `{id}` twice"))
        })
    }
}

/// The GPUs to give out, by the settings and what the machine has.
pub(crate) fn find(wanted: Option<&Wanted>) -> Vec<Gpu> {
    find_below(Path::new("/"), wanted)
}

fn find_below(root: &Path, wanted: Option<&Wanted>) -> Vec<Gpu> {
    let mut there = nvidia(root);
    there.extend(amd(root));
    match wanted {
        None => there,
        Some(Wanted::Count(count)) => {
            let have = there.len() as u64;
            there.truncate(*count as usize);
            there.extend((have..*count).map(|number| Gpu { id: number.to_string(), kind: Kind::Pretended }));
            there
        }
        Some(Wanted::Ids(ids)) => {
            let known = |id: &String| there.iter().find(|gpu| gpu.id == *id).cloned();
            let pretended = |id: &String| Gpu { id: id.clone(), kind: Kind::Pretended };
            ids.iter().map(|id| known(id).unwrap_or_else(|| pretended(id))).collect()
        }
    }
}

/// The driver says each device's UUID; without its directory (some containers) the device files are counted.
fn nvidia(root: &Path) -> Vec<Gpu> {
    let gpu = |id| Gpu { id, kind: Kind::Nvidia };
    let mut told: Vec<(u64, String)> = Vec::new();
    for entry in fs::read_dir(root.join("proc/driver/nvidia/gpus")).into_iter().flatten().flatten() {
        let Ok(text) = fs::read_to_string(entry.path().join("information")) else { continue };
        let value =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix(':'));
        let minor = value("Device Minor").and_then(|minor| minor.trim().parse().ok()).unwrap_or(u64::MAX);
        if let Some(uuid) = value("GPU UUID") {
            told.push((minor, uuid.trim().to_owned()));
        }
    }
    if told.is_empty() {
        let files = fs::read_dir(root.join("dev")).into_iter().flatten().flatten();
        let number = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_prefix("nvidia")?.parse().ok();
        told.extend(files.filter_map(number).map(|minor: u64| (minor, minor.to_string())));
    }
    told.sort();
    told.into_iter().map(|(_, id)| gpu(id)).collect()
}

/// The nodes of the kernel's topology that compute, numbered as the runtime numbers them.
fn amd(root: &Path) -> Vec<Gpu> {
    if !root.join("dev/kfd").exists() {
        return Vec::new();
    }
    let nodes = fs::read_dir(root.join("sys/class/kfd/kfd/topology/nodes")).into_iter().flatten().flatten();
    let mut found: Vec<u64> = Vec::new();
    for entry in nodes {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let text = fs::read_to_string(entry.path().join("properties")).unwrap_or_default();
        let units =
            text.lines().find_map(|line| line.strip_prefix("simd_count ")?.trim().parse::<u64>().ok());
        if units.is_some_and(|units| units > 0) {
            found.push(number);
        }
    }
    found.sort_unstable();
    (0..found.len()).map(|index| Gpu { id: index.to_string(), kind: Kind::Amd }).collect()
}

/// The variables that tell a program which GPUs are its own; all others are hidden from it. Nothing where the node has none.
pub(crate) fn variables(all: &[Gpu], given: &[String]) -> Vec<(&'static str, String)> {
    if all.is_empty() {
        return Vec::new();
    }
    let of = |kind: Kind| {
        let ids = all.iter().filter(|gpu| gpu.kind == kind || gpu.kind == Kind::Pretended);
        let own: Vec<&str> =
            ids.map(|gpu| gpu.id.as_str()).filter(|id| given.iter().any(|own| own == id)).collect();
        own.join(",")
    };
    let has = |kind: Kind| all.iter().any(|gpu| gpu.kind == kind || gpu.kind == Kind::Pretended);
    let mut variables = vec![("LP_GPUS", given.join(","))];
    if has(Kind::Nvidia) {
        let own = of(Kind::Nvidia);
        // the container runtime reads an empty list as all of them
        let none = if own.is_empty() { "void".to_owned() } else { own.clone() };
        variables.extend([("CUDA_VISIBLE_DEVICES", own), ("NVIDIA_VISIBLE_DEVICES", none)]);
    }
    if has(Kind::Amd) {
        variables.extend([("ROCR_VISIBLE_DEVICES", of(Kind::Amd))]);
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lay(root: &Path, path: &str, content: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn ids(root: &Path, wanted: Option<Wanted>) -> Vec<String> {
        find_below(root, wanted.as_ref()).into_iter().map(|gpu| gpu.id).collect()
    }

    #[test]
    fn devices_are_known_by_their_uuids_or_numbers_and_settings_choose_among_them() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        assert!(ids(root, None).is_empty());
        lay(root, "dev/nvidia1", "");
        lay(root, "dev/nvidia0", "");
        lay(root, "dev/nvidiactl", "");
        assert_eq!(ids(root, None), ["0", "1"]);
        let information =
            |minor, uuid| format!("Model: \t X\nGPU UUID: \t {uuid}\nDevice Minor: \t {minor}\n");
        lay(root, "proc/driver/nvidia/gpus/0000:02/information", &information(0, "GPU-b"));
        lay(root, "proc/driver/nvidia/gpus/0000:01/information", &information(1, "GPU-a"));

        assert_eq!(ids(root, None), ["GPU-b", "GPU-a"]);
        assert_eq!(ids(root, Some(Wanted::Count(1))), ["GPU-b"]);
        assert_eq!(ids(root, Some(Wanted::Count(3))), ["GPU-b", "GPU-a", "2"]);
        assert_eq!(ids(root, Some(Wanted::Ids(vec!["GPU-a".into()]))), ["GPU-a"]);
        lay(root, "dev/kfd", "");
        lay(root, "sys/class/kfd/kfd/topology/nodes/0/properties", "cpu_cores_count 8\nsimd_count 0\n");
        lay(root, "sys/class/kfd/kfd/topology/nodes/1/properties", "simd_count 240\n");
        assert_eq!(find_below(root, None).last(), Some(&Gpu { id: "0".into(), kind: Kind::Amd }));
    }

    #[test]
    fn a_program_sees_its_own_devices_and_no_others() {
        let gpus = |kind| ["a", "b"].map(|id| Gpu { id: id.into(), kind }).to_vec();
        let shown = |all: &[Gpu], given: &[&str]| {
            let given: Vec<String> = given.iter().map(|id| (*id).to_owned()).collect();
            variables(all, &given)
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" ")
        };

        assert_eq!(shown(&[], &[]), "");
        assert_eq!(
            shown(&gpus(Kind::Nvidia), &["b"]),
            "LP_GPUS=b CUDA_VISIBLE_DEVICES=b NVIDIA_VISIBLE_DEVICES=b"
        );
        assert_eq!(
            shown(&gpus(Kind::Nvidia), &[]),
            "LP_GPUS= CUDA_VISIBLE_DEVICES= NVIDIA_VISIBLE_DEVICES=void"
        );
        assert_eq!(shown(&gpus(Kind::Amd), &["a", "b"]), "LP_GPUS=a,b ROCR_VISIBLE_DEVICES=a,b");
        assert_eq!(
            shown(&gpus(Kind::Pretended), &["a"]),
            "LP_GPUS=a CUDA_VISIBLE_DEVICES=a NVIDIA_VISIBLE_DEVICES=a ROCR_VISIBLE_DEVICES=a"
        );
    }
}
