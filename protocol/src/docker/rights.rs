//! What could take over the node that runs the container. All of it is read here; a node grants what its configuration names.

use std::collections::BTreeMap;

use serde_json::Value;

use super::reader::{ArgError, Reader, few, scalar, text, wrong};
use crate::manifest::fields::whole;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    pub privileged: bool,
    /// Capitals, without `CAP_`.
    pub cap_add: Vec<String>,
    pub cap_drop: Vec<String>,
    pub security_opt: Vec<String>,
    pub devices: Vec<Device>,
    pub device_requests: Vec<DeviceRequest>,
    /// `host`, `container:NAME`.
    pub pid_mode: Option<String>,
    pub ipc_mode: Option<String>,
    pub uts_mode: Option<String>,
    pub userns_mode: Option<String>,
    pub runtime: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub on_host: String,
    pub in_container: String,
    /// Of `rwm`.
    pub permissions: String,
}

/// Devices the engine's drivers hand out: GPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceRequest {
    pub driver: String,
    /// -1: all there are.
    pub count: i64,
    pub ids: Vec<String>,
    pub capabilities: Vec<Vec<String>>,
    pub options: BTreeMap<String, String>,
}

impl DeviceRequest {
    /// GPUs by number, for which the node's own count can stand.
    pub fn counted_gpus(&self) -> Option<u64> {
        let is_gpu = self.capabilities.iter().flatten().any(|word| word == "gpu");
        (is_gpu && self.ids.is_empty()).then(|| u64::try_from(self.count).ok()).flatten()
    }
}

pub(super) fn read(args: &Reader<'_>) -> Result<Rights, ArgError> {
    let mut device_requests = device_requests(args)?;
    device_requests.extend(gpus(args)?);
    Ok(Rights {
        privileged: args.flag("privileged")?.unwrap_or(false),
        cap_add: capabilities(args, "cap_add")?,
        cap_drop: capabilities(args, "cap_drop")?,
        security_opt: args.texts("security_opt")?,
        devices: devices(args)?,
        device_requests,
        pid_mode: args.text("pid_mode")?,
        ipc_mode: args.text("ipc_mode")?,
        uts_mode: args.text("uts_mode")?,
        userns_mode: args.text("userns_mode")?,
        runtime: args.text("runtime")?,
    })
}

fn capabilities(args: &Reader<'_>, key: &str) -> Result<Vec<String>, ArgError> {
    let mut names = Vec::new();
    for name in args.texts(key)? {
        let upper = name.to_uppercase();
        let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
        if bare.is_empty() || !bare.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
            return Err(ArgError::new(key, format!("must be names such as \"NET_ADMIN\"; `{name}` is none")));
        }
        names.push(bare.to_owned());
    }
    Ok(names)
}

fn devices(args: &Reader<'_>) -> Result<Vec<Device>, ArgError> {
    args.items("devices")?.into_iter().map(|(path, value)| device(&path, value)).collect()
}

/// `/dev/fuse`, `/dev/sda:/dev/xvda:rwm`, or docker-py's object of three.
fn device(path: &str, value: &Value) -> Result<Device, ArgError> {
    let wanted = "a text such as \"/dev/fuse\" or \"/dev/fuse:/dev/fuse:rw\"";
    let (on_host, in_container, permissions) = match value {
        Value::String(line) => {
            let parts: Vec<&str> = line.split(':').collect();
            match parts.as_slice() {
                [one] => (*one, *one, "rwm"),
                [one, other] if other.starts_with('/') => (*one, *other, "rwm"),
                [one, permissions] => (*one, *one, *permissions),
                [one, other, permissions] => (*one, *other, *permissions),
                _ => return Err(wrong(path, wanted, value)),
            }
        }
        Value::Object(members) => {
            let find = |key: &str| members.get(key).and_then(Value::as_str);
            let on_host = find("PathOnHost").ok_or_else(|| wrong(path, wanted, value))?;
            (on_host, find("PathInContainer").unwrap_or(on_host), find("CgroupPermissions").unwrap_or("rwm"))
        }
        other => return Err(wrong(path, wanted, other)),
    };
    let is_path = |text: &str| text.starts_with('/') && !text.split('/').any(|part| part == "..");
    let is_permissions = !permissions.is_empty() && permissions.chars().all(|c| "rwm".contains(c));
    if !is_path(on_host) || !is_path(in_container) || !is_permissions {
        return Err(wrong(path, wanted, value));
    }
    let own = str::to_owned;
    Ok(Device { on_host: own(on_host), in_container: own(in_container), permissions: own(permissions) })
}

fn device_requests(args: &Reader<'_>) -> Result<Vec<DeviceRequest>, ArgError> {
    args.items("device_requests")?.into_iter().map(|(path, value)| device_request(&path, value)).collect()
}

/// `{"count": 1, "capabilities": [["gpu"]]}`; the keys also as the engine's API writes them (`DeviceIDs`).
fn device_request(path: &str, value: &Value) -> Result<DeviceRequest, ArgError> {
    let wanted = "an object such as {\"count\": 1, \"capabilities\": [[\"gpu\"]]}";
    let Value::Object(members) = value else { return Err(wrong(path, wanted, value)) };
    let mut request = DeviceRequest::default();
    for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let path = format!("{path}.{key}");
        match key.to_lowercase().replace('_', "").as_str() {
            "driver" => request.driver = text(&path, value)?,
            "count" => {
                let count = whole(value).filter(|count| (-1..=1024).contains(count));
                request.count =
                    count.ok_or_else(|| wrong(&path, "a number of devices, -1 for all", value))?;
            }
            "deviceids" => request.ids = texts(&path, value)?,
            "capabilities" => {
                let Value::Array(rows) = value else { return Err(wrong(&path, "a list of lists", value)) };
                few(&path, rows.len())?;
                let rows: Result<_, _> = rows.iter().map(|row| texts(&path, row)).collect();
                request.capabilities = rows?;
            }
            "options" => {
                let Value::Object(options) = value else { return Err(wrong(&path, "an object", value)) };
                let option = |(name, value): (&String, &Value)| Ok((name.clone(), scalar(&path, value)?));
                let options: Result<_, ArgError> = options.iter().map(option).collect();
                request.options = options?;
            }
            _ => return Err(ArgError::new(path, format!("is not known; it must be {wanted}"))),
        }
    }
    Ok(request)
}

fn texts(path: &str, value: &Value) -> Result<Vec<String>, ArgError> {
    let Value::Array(items) = value else { return Err(wrong(path, "a list of strings", value)) };
    few(path, items.len())?;
    items.iter().map(|item| text(path, item)).collect()
}

/// `"all"`, a number, or `"device=0,2"`, as the engine's command line has it.
fn gpus(args: &Reader<'_>) -> Result<Option<DeviceRequest>, ArgError> {
    let Some(value) = args.get("gpus") else { return Ok(None) };
    let mut request =
        DeviceRequest { capabilities: vec![vec!["gpu".to_owned()]], ..DeviceRequest::default() };
    let wrong = || wrong("gpus", "\"all\", a number, or for example \"device=0,2\"", value);
    match value {
        Value::Number(_) => {
            request.count = whole(value).filter(|count| (0..=1024).contains(count)).ok_or_else(wrong)?
        }
        Value::String(text) if text == "all" => request.count = -1,
        Value::String(text) => match text.strip_prefix("device=") {
            Some(ids) if !ids.is_empty() => request.ids = ids.split(',').map(str::to_owned).collect(),
            Some(_) => return Err(wrong()),
            None => request.count = text.parse::<u16>().map_err(|_| wrong())?.into(),
        },
        _ => return Err(wrong()),
    }
    Ok((request.count != 0 || !request.ids.is_empty()).then_some(request))
}
