//! From an order to the container the engine is asked for. Pure: the same order and settings always ask for the same.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, DeviceMapping, DeviceRequest, HostConfig, HostConfigLogConfig, Mount, MountType,
    PortBinding, PortMap, ResourcesUlimits,
};
use lp_protocol::docker::limits::Limits;
use lp_protocol::docker::mounts::{Source, Volume};
use lp_protocol::docker::net::Net;
use lp_protocol::docker::process::Process;
use lp_protocol::docker::rights::{self, Rights};
use lp_protocol::docker::{APP, Args, VENV, WORKSPACE};
use lp_protocol::plan::Resources;

use crate::gpus::{Gpu, Kind};

/// 100 ms, the period engines count processors in where nothing else is said.
const CPU_PERIOD_MICROS: i64 = 100_000;
/// The least share of it that the kernel takes.
const MIN_CPU_QUOTA_MICROS: i64 = 1000;

/// The least memory an engine takes.
const MIN_MEMORY_BYTES: i64 = 6 << 20;

/// 16,384 processes and threads in a container that says nothing else: no real program has as many, and a fork bomb stops there.
const PIDS: i64 = 16_384;

/// What a container is made from.
pub(super) struct Making<'m> {
    pub(super) image: String,
    pub(super) args: &'m Args,
    /// As the node's configuration lets them be mounted.
    pub(super) volumes: &'m [Volume],
    pub(super) resources: &'m Resources,
    pub(super) labels: HashMap<String, String>,
    /// Paths on the node.
    pub(super) app: &'m str,
    pub(super) workspace: &'m str,
    pub(super) venv: Option<&'m str>,
    /// `environ` and the names of lp's own, without what needs the image to be known.
    pub(super) env: Vec<String>,
    /// `uid:gid` where nobody says who runs: a node that is not root owns what its actions leave only so.
    pub(super) user: Option<String>,
    /// The node's GPUs, and which of them the attempt was given.
    pub(super) gpus: (&'m [Gpu], &'m [String]),
}

/// All but the command.
pub(super) fn body(making: Making<'_>) -> ContainerCreateBody {
    let Args { limits, process, net, mounts, rights } = making.args;
    let mut host = HostConfig {
        mounts: Some(own_mounts(&making)),
        binds: Some(making.volumes.iter().filter_map(bind).collect()),
        tmpfs: Some(mounts.tmpfs.iter().cloned().collect()),
        readonly_rootfs: Some(mounts.read_only),
        init: process.init,
        group_add: Some(process.group_add.clone()),
        // the output goes to the shim; a second copy in the engine's own files would grow without bound
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        ..HostConfig::default()
    };
    limit(&mut host, limits, making.resources);
    connect(&mut host, net);
    grant(&mut host, rights);
    give_gpus(&mut host, making.gpus);
    let Process { entrypoint, user, working_dir, labels, .. } = process;
    let mut all_labels: HashMap<String, String> = labels.iter().cloned().collect();
    all_labels.extend(making.labels);
    ContainerCreateBody {
        image: Some(making.image),
        entrypoint: entrypoint
            .clone()
            .map(|words| if words.is_empty() { vec![String::new()] } else { words }),
        env: Some(making.env),
        user: user.clone().or(making.user),
        working_dir: Some(working_dir.clone().unwrap_or_else(|| APP.to_owned())),
        hostname: net.hostname.clone(),
        labels: Some(all_labels),
        exposed_ports: Some(net.ports.iter().map(|port| port.container.clone()).collect()),
        volumes: Some(anonymous(making.volumes)),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(false),
        open_stdin: Some(false),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

/// App and venv are shared by all that use them, and so nobody's to change. A venv is mounted a second time at the path it has on the node:
/// its scripts name their interpreter by that.
fn own_mounts(making: &Making<'_>) -> Vec<Mount> {
    let mount = |source: &str, target: &str, read_only| Mount {
        source: Some(source.to_owned()),
        target: Some(target.to_owned()),
        typ: Some(MountType::BIND),
        read_only: Some(read_only),
        ..Mount::default()
    };
    let mut mounts = vec![mount(making.app, APP, true), mount(making.workspace, WORKSPACE, false)];
    if let Some(venv) = making.venv {
        mounts.push(mount(venv, VENV, true));
        mounts.push(mount(venv, venv, true));
    }
    mounts
}

fn bind(volume: &Volume) -> Option<String> {
    let source = match &volume.source {
        Source::Path(source) | Source::Named(source) => source,
        Source::Anonymous => return None,
    };
    let mode = if volume.mode.is_empty() { String::new() } else { format!(":{}", volume.mode) };
    Some(format!("{source}:{}{mode}", volume.target))
}

fn anonymous(volumes: &[Volume]) -> Vec<String> {
    let is_one = |volume: &&Volume| volume.source == Source::Anonymous;
    volumes.iter().filter(is_one).map(|volume| volume.target.clone()).collect()
}

/// What the arguments say, else what the action's resources say.
fn limit(host: &mut HostConfig, limits: &Limits, resources: &Resources) {
    let Limits {
        cpu_period,
        cpu_quota,
        cpu_shares,
        nano_cpus,
        cpuset_cpus,
        cpuset_mems,
        mem_limit,
        mem_reservation,
        memswap_limit,
        shm_size,
        pids_limit,
        ulimits,
    } = limits;
    host.cpu_period = *cpu_period;
    host.cpu_quota = *cpu_quota;
    host.cpu_shares = *cpu_shares;
    host.nano_cpus = *nano_cpus;
    host.cpuset_cpus.clone_from(cpuset_cpus);
    host.cpuset_mems.clone_from(cpuset_mems);
    host.memory = *mem_limit;
    host.memory_reservation = *mem_reservation;
    host.memory_swap = *memswap_limit;
    host.shm_size = *shm_size;
    host.pids_limit = Some(pids_limit.unwrap_or(PIDS));
    let ulimit = |limit: &lp_protocol::docker::limits::Ulimit| ResourcesUlimits {
        name: Some(limit.name.clone()),
        soft: Some(limit.soft),
        hard: Some(limit.hard),
    };
    host.ulimits = Some(ulimits.iter().map(ulimit).collect());
    if nano_cpus.is_none() && cpu_quota.is_none() && resources.cpu_millis > 0 {
        let period = cpu_period.unwrap_or(CPU_PERIOD_MICROS);
        let millis = i64::try_from(resources.cpu_millis).unwrap_or(i64::MAX);
        host.cpu_period = Some(period);
        // not as billionths of processors: of these an engine takes no more than the machine has
        host.cpu_quota = Some((period.saturating_mul(millis) / 1000).max(MIN_CPU_QUOTA_MICROS));
    }
    if mem_limit.is_none() && resources.memory_bytes > 0 {
        let bytes = i64::try_from(resources.memory_bytes).unwrap_or(i64::MAX).max(MIN_MEMORY_BYTES);
        host.memory = Some(bytes);
        // without this as much again could be had as swap
        host.memory_swap = Some(memswap_limit.unwrap_or(bytes));
    }
}

fn connect(host: &mut HostConfig, net: &Net) {
    let Net { network, ports, publish_all_ports, hostname: _, dns, dns_search, dns_opt, extra_hosts } = net;
    host.network_mode.clone_from(network);
    host.publish_all_ports = Some(*publish_all_ports);
    host.dns = Some(dns.clone());
    host.dns_search = Some(dns_search.clone());
    host.dns_options = Some(dns_opt.clone());
    host.extra_hosts = Some(extra_hosts.clone());
    let mut map = PortMap::new();
    for port in ports {
        let bindings = port.bindings.iter().map(|binding| PortBinding {
            host_ip: binding.address.map(|address| address.to_string()),
            host_port: binding.port.map(|port| port.to_string()),
        });
        map.entry(port.container.clone()).or_default().get_or_insert_default().extend(bindings);
    }
    host.port_bindings = Some(map);
}

fn grant(host: &mut HostConfig, rights: &Rights) {
    let Rights {
        privileged,
        cap_add,
        cap_drop,
        security_opt,
        devices,
        device_requests,
        pid_mode,
        ipc_mode,
        uts_mode,
        userns_mode,
        runtime,
    } = rights;
    host.privileged = Some(*privileged);
    host.cap_add = Some(cap_add.clone());
    host.cap_drop = Some(cap_drop.clone());
    host.security_opt = Some(security_opt.clone());
    host.pid_mode.clone_from(pid_mode);
    host.ipc_mode.clone_from(ipc_mode);
    host.uts_mode.clone_from(uts_mode);
    host.userns_mode.clone_from(userns_mode);
    host.runtime.clone_from(runtime);
    let device = |device: &rights::Device| DeviceMapping {
        path_on_host: Some(device.on_host.clone()),
        path_in_container: Some(device.in_container.clone()),
        cgroup_permissions: Some(device.permissions.clone()),
    };
    host.devices = Some(devices.iter().map(device).collect());
    let request = |request: &rights::DeviceRequest| DeviceRequest {
        driver: Some(request.driver.clone()),
        count: Some(if request.ids.is_empty() { request.count } else { 0 }),
        device_ids: Some(request.ids.clone()),
        capabilities: Some(request.capabilities.clone()),
        options: Some(request.options.clone().into_iter().collect()),
    };
    // those asked for by number are resources of the action, and given by name
    let uncounted = device_requests.iter().filter(|request| request.counted_gpus().is_none());
    host.device_requests = Some(uncounted.map(request).collect());
}

/// The attempt's own GPUs and no others. Pretended ones are only variables.
fn give_gpus(host: &mut HostConfig, (all, given): (&[Gpu], &[String])) {
    let own = |kind: Kind| all.iter().filter(move |gpu| gpu.kind == kind && given.contains(&gpu.id));
    let ids: Vec<String> = own(Kind::Nvidia).map(|gpu| gpu.id.clone()).collect();
    if !ids.is_empty() {
        host.device_requests.get_or_insert_default().push(DeviceRequest {
            driver: Some("nvidia".to_owned()),
            device_ids: Some(ids),
            capabilities: Some(vec![vec!["gpu".to_owned()]]),
            ..DeviceRequest::default()
        });
    }
    if own(Kind::Amd).next().is_some() {
        // which of them are its own its variables say, as outside of containers
        let device = |path: &str| DeviceMapping {
            path_on_host: Some(path.to_owned()),
            path_in_container: Some(path.to_owned()),
            cgroup_permissions: Some("rw".to_owned()),
        };
        host.devices.get_or_insert_default().extend(["/dev/kfd", "/dev/dri"].map(device));
    }
}
