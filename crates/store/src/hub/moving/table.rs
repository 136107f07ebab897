//! The tables of a hub as both engines have them.

use super::rows::Cell;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bytes,
    Number,
    Text,
    Flag,
}

use Kind::{Bytes, Flag, Number, Text};

/// A table: its columns, of which the first are its key.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Kind)],
    keys: usize,
}

/// Parents before children; the logs' heads, without which nothing is served, last.
pub(super) const TABLES: [Table; 11] = [
    Table {
        name: "address",
        keys: 1,
        columns: &[
            ("address", Bytes),
            ("auth", Bytes),
            ("salt", Bytes),
            ("accepts", Text),
            ("version", Number),
            ("frozen", Flag),
            ("closed", Flag),
            ("registration", Bytes),
            ("next_pos", Number),
            ("bytes", Number),
            ("quota", Number),
        ],
    },
    Table {
        name: "place",
        keys: 2,
        columns: &[
            ("address", Bytes),
            ("pos", Number),
            ("leaf_index", Number),
            ("time", Number),
            ("body", Bytes),
            ("hash", Bytes),
            ("commitment", Bytes),
            ("nonce", Bytes),
            ("nonce_a", Bytes),
            ("kind", Number),
        ],
    },
    Table {
        name: "deposit",
        keys: 3,
        columns: &[
            ("address", Bytes),
            ("depositor", Bytes),
            ("deposit_id", Bytes),
            ("pos", Number),
        ],
    },
    Table {
        name: "object",
        keys: 2,
        columns: &[
            ("address", Bytes),
            ("parts", Number),
            ("depositor", Bytes),
            ("deposit_id", Bytes),
            ("id", Bytes),
            ("size", Number),
            ("received", Number),
            ("touched", Number),
            ("pos", Number),
            ("passed", Number),
            ("kept", Flag),
        ],
    },
    Table {
        name: "object_part",
        keys: 3,
        columns: &[
            ("address", Bytes),
            ("parts", Number),
            ("start", Number),
            ("bytes", Bytes),
        ],
    },
    Table {
        name: "pass_use",
        keys: 2,
        columns: &[("bind", Bytes), ("period", Number), ("uses", Number)],
    },
    Table {
        name: "wrapped_root",
        keys: 1,
        columns: &[("locator", Bytes), ("owner", Bytes), ("body", Bytes)],
    },
    Table {
        name: "status_list",
        keys: 2,
        columns: &[("org", Bytes), ("list", Text), ("token", Text)],
    },
    Table {
        name: "tile",
        keys: 3,
        columns: &[
            ("log", Number),
            ("level", Number),
            ("tile_index", Number),
            ("hashes", Bytes),
        ],
    },
    Table {
        name: "bundle",
        keys: 2,
        columns: &[
            ("log", Number),
            ("bundle_index", Number),
            ("entries", Bytes),
        ],
    },
    Table {
        name: "log_head",
        keys: 1,
        columns: &[
            ("log", Number),
            ("size", Number),
            ("root", Bytes),
            ("time", Number),
        ],
    },
];

impl Table {
    pub(super) fn keys(&self) -> impl Iterator<Item = Kind> {
        self.columns.iter().take(self.keys).map(|(_, kind)| *kind)
    }

    pub(super) fn key_of(&self, row: &[Cell]) -> Vec<Cell> {
        row.iter().take(self.keys).cloned().collect()
    }

    /// Names of the columns, for a statement.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    fn key_names(&self) -> String {
        let names = self.columns.iter().take(self.keys);
        names.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// The rows after a key, in order, whose values are written `mark` and a number.
    pub(super) fn after(&self, has_key: bool, mark: char) -> String {
        let (names, keys, name) = (self.names(), self.key_names(), self.name);
        // In SQLite a part has its address by its object.
        let from = match (name, mark) {
            ("object_part", '?') => "object_part JOIN object USING (parts)",
            _ => name,
        };
        let values: Vec<String> = (1..=self.keys).map(|at| format!("{mark}{at}")).collect();
        let above = if has_key {
            format!("WHERE ({keys}) > ({})", values.join(", "))
        } else {
            String::new()
        };
        format!("SELECT {names} FROM {from} {above} ORDER BY {keys} LIMIT 1000")
    }

    /// The last key that has arrived.
    pub(super) fn last(&self) -> String {
        let columns = self.columns.iter().take(self.keys);
        let down: Vec<String> = columns.map(|(name, _)| format!("{name} DESC")).collect();
        let (keys, name) = (self.key_names(), self.name);
        format!(
            "SELECT {keys} FROM {name} ORDER BY {} LIMIT 1",
            down.join(", ")
        )
    }
}
