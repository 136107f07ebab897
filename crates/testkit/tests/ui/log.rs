//! An address is never shown in a log.

use denizen_model::LogSafe;

type Value = denizen_model::OrgId;

fn line(value: &Value) -> String {
    fn shown(value: &impl LogSafe) -> String {
        value.to_string()
    }
    shown(value)
}

fn main() {
    let _ = line;
}
