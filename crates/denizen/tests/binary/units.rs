//! The systemd units that ship: what they must say, and that they start commands that there are.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests of real processes"
)]

use crate::support::succeed;
use std::fs;

/// What a unit that holds keys must say.
const MUST: [&str; 20] = [
    "Restart=on-failure",
    "KillSignal=SIGTERM",
    "StateDirectoryMode=0700",
    "UMask=0077",
    "LimitCORE=0",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectControlGroups=yes",
    "RestrictNamespaces=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "SystemCallFilter=@system-service",
    "CapabilityBoundingSet=",
    "WantedBy=multi-user.target",
];

#[test]
fn the_units_are_hardened_and_start_commands_that_there_are() {
    for role in ["hub", "gateway"] {
        let file = format!(
            "{}/../../docs/operate/denizen-{role}.service",
            env!("CARGO_MANIFEST_DIR")
        );
        let unit = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = unit.lines().collect();
        for must in MUST {
            assert!(lines.contains(&must), "{role}: {must}");
        }
        for own in ["User=", "Group=", "StateDirectory="] {
            assert!(
                lines.contains(&format!("{own}denizen-{role}").as_str()),
                "{role}: {own}"
            );
        }
        let start = lines
            .iter()
            .find_map(|l| l.strip_prefix("ExecStart="))
            .unwrap();
        let words: Vec<&str> = start.split(' ').collect();
        let ["/usr/local/bin/denizen", of, "serve", folder] = words[..] else {
            panic!("{start}");
        };
        assert_eq!(of, role);
        assert!(
            folder.starts_with(&format!("/var/lib/denizen-{role}/")),
            "{start}"
        );
        succeed(&[of, "serve", "--help"]);
    }
}
