//! The arguments: every name of docker-py that is understood, in every form it has there, and what is refused.

use serde_json::{Value, json};

use super::Args;
use super::mounts::Source;
use super::names::KNOWN;
use super::net::Binding;

fn parse(args: Value) -> Result<Args, String> {
    Args::parse(args.as_object().unwrap()).map_err(|error| error.to_string())
}

fn parsed(args: Value) -> Args {
    parse(args.clone()).unwrap_or_else(|error| panic!("{args}: {error}"))
}

#[test]
fn every_argument_is_taken_in_the_forms_docker_py_has() {
    let cases = [
        ("cap_add", vec![json!(["NET_ADMIN", "cap_sys_time"])]),
        ("cap_drop", vec![json!(["ALL"])]),
        ("cpu_period", vec![json!(100_000)]),
        ("cpu_quota", vec![json!(50_000), json!(-1)]),
        ("cpu_shares", vec![json!(512)]),
        ("cpuset_cpus", vec![json!("0-2"), json!("0,1")]),
        ("cpuset_mems", vec![json!("0")]),
        (
            "device_requests",
            vec![
                json!([{"count": 1, "capabilities": [["gpu"]]}]),
                json!([{"Driver": "nvidia", "DeviceIDs": ["0"], "Capabilities": [["gpu", "utility"]], "Options": {"a": 1}}]),
            ],
        ),
        (
            "devices",
            vec![json!(["/dev/fuse", "/dev/sda:/dev/xvda:rwm"]), json!([{"PathOnHost": "/dev/fuse"}])],
        ),
        ("dns", vec![json!(["10.0.0.1", "::1"])]),
        ("dns_opt", vec![json!(["ndots:1"])]),
        ("dns_search", vec![json!(["example"])]),
        ("entrypoint", vec![json!("/bin/tool --flag"), json!(["/bin/tool", "a b"]), json!(""), json!([])]),
        ("environment", vec![json!({"A": "b", "N": 1, "GONE": null}), json!(["A=b=c", "GONE"])]),
        ("extra_hosts", vec![json!({"db": "10.0.0.5"}), json!(["db:10.0.0.5", "up:host-gateway", "v6:::1"])]),
        ("gpus", vec![json!("all"), json!(2), json!("1"), json!("device=0,GPU-1")]),
        ("group_add", vec![json!(["audio", 1000])]),
        ("hostname", vec![json!("box")]),
        ("init", vec![json!(true), json!(false)]),
        ("ipc_mode", vec![json!("private")]),
        ("labels", vec![json!({"a": "b"}), json!(["a=b", "c"])]),
        ("mem_limit", vec![json!("10m"), json!(1 << 28), json!("1.5g"), json!("64MB")]),
        ("mem_reservation", vec![json!("64m")]),
        ("memswap_limit", vec![json!(-1)]),
        ("nano_cpus", vec![json!(1_500_000_000)]),
        ("network", vec![json!("team")]),
        ("network_mode", vec![json!("none"), json!("bridge"), json!("host"), json!("container:web")]),
        ("pid_mode", vec![json!("host")]),
        ("pids_limit", vec![json!(100), json!(-1)]),
        ("platform", vec![json!("linux/amd64")]),
        (
            "ports",
            vec![
                json!({"2222/tcp": 3333, "53/udp": "5353"}),
                json!({"2222": null}),
                json!({"1111/tcp": ["127.0.0.1", 1111]}),
                json!({"2222/tcp": [3333, ["127.0.0.1", 4444], null]}),
            ],
        ),
        ("privileged", vec![json!(true)]),
        ("publish_all_ports", vec![json!(true)]),
        ("read_only", vec![json!(true)]),
        ("runtime", vec![json!("nvidia")]),
        ("security_opt", vec![json!(["no-new-privileges:true", "seccomp=unconfined"])]),
        ("shm_size", vec![json!("1g"), json!(67_108_864)]),
        ("tmpfs", vec![json!({"/run": "size=64m,noexec", "/tmp": ""}), json!(["/run:size=64m", "/tmp"])]),
        (
            "ulimits",
            vec![
                json!([{"name": "nofile", "soft": 1024, "hard": 2048}]),
                json!([{"Name": "core", "Soft": 0, "Hard": 0}, {"name": "memlock", "hard": -1}]),
            ],
        ),
        ("user", vec![json!("1000:1000"), json!(1000), json!("app")]),
        ("userns_mode", vec![json!("host")]),
        ("uts_mode", vec![json!("host")]),
        (
            "volumes",
            vec![
                json!({"/home/user1/": {"bind": "/mnt/vol2", "mode": "rw"}, "cache": {"bind": "/mnt/vol1"}}),
                json!(["/home/user1/:/mnt/vol2", "cache:/mnt/vol1:ro", "/mnt/own"]),
            ],
        ),
        ("working_dir", vec![json!("/work")]),
    ];
    let names: Vec<&str> = cases.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, KNOWN, "every argument has a case");
    for (name, values) in cases {
        for value in values.into_iter().chain([Value::Null]) {
            parsed(json!({ name: value }));
        }
    }
}

#[test]
fn values_mean_what_they_mean_in_docker_py() {
    let args = parsed(json!({
        "mem_limit": "10m", "memswap_limit": "20m", "cpu_quota": 50_000, "ulimits": [{"name": "nofile", "soft": 5}],
        "environment": ["A=b=c", "GONE"], "entrypoint": "tool --flag", "user": 7,
        "ports": {"80": 8080, "81/udp": ["127.0.0.1", 81], "82": ["8082", ["::1"]], "83": null},
        "volumes": {"/data/": {"bind": "/mnt/d", "mode": "ro"}, "cache": {"bind": "/mnt/c"}},
        "cap_add": ["cap_net_admin"], "gpus": 2,
    }));

    assert_eq!((args.limits.mem_limit, args.limits.memswap_limit), (Some(10 << 20), Some(20 << 20)));
    assert_eq!((args.limits.ulimits[0].soft, args.limits.ulimits[0].hard), (5, 5));
    assert_eq!(args.process.environment, [("A".into(), Some("b=c".into())), ("GONE".into(), None)]);
    assert_eq!(args.process.entrypoint.unwrap(), ["tool", "--flag"]);
    assert_eq!(args.process.user.as_deref(), Some("7"));
    let bindings = |container: &str| {
        args.net.ports.iter().find(|port| port.container == container).unwrap().bindings.clone()
    };
    let binding =
        |address: Option<&str>, port| Binding { address: address.map(|a| a.parse().unwrap()), port };
    assert_eq!(bindings("80/tcp"), [binding(None, Some(8080))]);
    assert_eq!(bindings("81/udp"), [binding(Some("127.0.0.1"), Some(81))]);
    assert_eq!(bindings("82/tcp"), [binding(None, Some(8082)), binding(Some("::1"), None)]);
    assert_eq!(bindings("83/tcp"), [binding(None, None)]);
    assert_eq!(args.mounts.volumes[0].source, Source::Path("/data/".into()));
    assert_eq!(args.mounts.volumes[0].mode, "ro");
    assert_eq!(args.mounts.volumes[1].source, Source::Named("cache".into()));
    assert_eq!(args.rights.cap_add, ["NET_ADMIN"]);
    assert_eq!(args.rights.device_requests[0].counted_gpus(), Some(2));
}

#[test]
fn what_docker_py_would_not_take_is_refused_by_name() {
    for (args, expected) in [
        (
            json!({"mem_limit": "10x"}),
            "`docker.args.mem_limit` must be a size, in bytes or for example \"10m\", found \"10x\"",
        ),
        (json!({"mem_limit": "1m"}), "`docker.args.mem_limit` must be at least 6m"),
        (json!({"mem_limit": true}), "found a boolean"),
        (json!({"memswap_limit": "1g"}), "`docker.args.memswap_limit` must not be less than `mem_limit`"),
        (json!({"cpu_quota": 1.5}), "must be a whole number from -1"),
        (json!({"nano_cpus": 1, "cpu_quota": 1000}), "must not be given with `cpu_quota`"),
        (json!({"cpuset_cpus": "0-"}), "`docker.args.cpuset_cpus` must be a list such as"),
        (json!({"ports": ["80"]}), "`docker.args.ports` must be an object such as"),
        (json!({"ports": {"http": 80}}), "`docker.args.ports.http` must be named by a port"),
        (json!({"ports": {"80": 70_000}}), "`docker.args.ports.80` must be a port of the node"),
        (json!({"ports": {"80": ["127.0.0.1", "x"]}}), "`docker.args.ports.80` must be a port of the node"),
        (json!({"environment": "A=b"}), "`docker.args.environment` must be an object or a list of strings"),
        (json!({"environment": {"LP_TASK_ID": "x"}}), "names with LP_ are lp's own"),
        (json!({"environment": ["=x"]}), "is not the name of a variable"),
        (json!({"environment": {"A": "\u{0}"}}), "must not contain a NUL"),
        (json!({"labels": {"lp.task": "x"}}), "labels with `lp.` are lp's own"),
        (json!({"user": "a b"}), "`docker.args.user` must be a user of the image"),
        (json!({"user": -1}), "`docker.args.user` must be a user of the image"),
        (json!({"working_dir": "here"}), "that begins with `/`"),
        (json!({"entrypoint": "sh -c 'x'"}), "must be a list of strings where a word has quotes"),
        (json!({"volumes": ["/a:/b:/c:ro"]}), "must be written SOURCE:TARGET[:MODE]"),
        (json!({"volumes": ["../etc:/mnt"]}), "`../etc` is neither"),
        (json!({"volumes": ["/a/../etc:/mnt"]}), "must name paths without `..`"),
        (json!({"volumes": ["/a:mnt"]}), "must be mounted at paths in the container"),
        (json!({"volumes": ["/a:/mnt:rshared"]}), "`rshared` is none"),
        (json!({"volumes": ["/a:/opt/app"]}), "`/opt/app` is lp's own"),
        (json!({"volumes": ["/a:/opt/workspace/x"]}), "`/opt/workspace` is lp's own"),
        (json!({"volumes": ["/a:/opt"]}), "`/opt/app` is lp's own"),
        (json!({"volumes": ["/a:/"]}), "must be mounted at paths in the container"),
        (json!({"volumes": {"/a": {"bind": "/b", "ro": true}}}), "`docker.args.volumes./a.ro` is not known"),
        (json!({"tmpfs": {"/opt/venv": ""}}), "`/opt/venv` is lp's own"),
        (json!({"network": "a", "network_mode": "b"}), "must not be given with `network`"),
        (json!({"network": "a b"}), "must be the name of a network"),
        (json!({"dns": ["localhost"]}), "`localhost` is none"),
        (json!({"extra_hosts": {"db": "there"}}), "must give each name an address"),
        (json!({"ulimits": [{"soft": 1}]}), "`docker.args.ulimits[0]` must be an object such as"),
        (json!({"ulimits": [{"name": "nofile", "sfot": 1}]}), "`docker.args.ulimits[0].sfot` is not known"),
        (json!({"cap_add": ["NET ADMIN"]}), "must be names such as \"NET_ADMIN\""),
        (json!({"devices": ["fuse"]}), "`docker.args.devices[0]` must be a text such as"),
        (json!({"devices": ["/dev/fuse:x"]}), "`docker.args.devices[0]` must be a text such as"),
        (json!({"gpus": "some"}), "`docker.args.gpus` must be \"all\", a number"),
        (json!({"device_requests": [{"cuont": 1}]}), "`docker.args.device_requests[0].cuont` is not known"),
        (json!({"privileged": "yes"}), "`docker.args.privileged` must be true or false"),
        (json!({"dns": vec!["10.0.0.1"; 1001]}), "must have at most 1000 entries"),
    ] {
        let error = parse(args.clone()).expect_err(&args.to_string());
        assert!(error.contains(expected), "{args}: {error}");
    }
}

proptest::proptest! {
    #[test]
    fn no_arguments_are_too_strange_to_be_read(name in proptest::sample::select(KNOWN), value in values()) {
        let _ = parse(json!({ name: value }));
    }
}

fn values() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9:/=.,@-]{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("[a-zA-Z0-9:/]{0,12}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
