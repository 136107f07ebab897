//! `keys.md`: the key tree.

use super::{Book, Outcome, array, b, no_such, number, world::World};
use denizen_jose::PublicKey;
use denizen_model::{CopyRef, KeyPurpose, Nonce, SecretKeyFor};
use denizen_seal::{AddressIndex, RootSecret};
use serde_json::{Value, json};

fn root(input: &Value) -> RootSecret {
    RootSecret::from_bytes(array(input, "root"))
}

fn pair<P: KeyPurpose>(key: &SecretKeyFor<P>) -> Value {
    let public: &PublicKey = &key.public_for().key().clone();
    json!({"secret": b(key.danger_seed()), "public": public})
}

pub(super) fn run(op: &str, input: &Value) -> Outcome {
    Ok(match op {
        "address" => {
            let index = AddressIndex(u32::try_from(number(input, "index")).unwrap());
            let salt = input["salt"]
                .is_string()
                .then(|| Nonce::new(array(input, "salt")));
            let keys = root(input).derive_address(index, salt.as_ref());
            json!({
                "address": keys.address(),
                "auth": pair(&keys.auth),
                "sign": pair(&keys.sign),
                "cnf": pair(&keys.cnf),
                "deposit": pair(&keys.deposit),
                "kem": {"secret": b(keys.kem.danger_seed()), "public": b(keys.kem.public().to_bytes())},
            })
        }
        "copy" => pair(&root(input).derive_copy_key(&CopyRef::new(array(input, "ref")))),
        "device" => pair(&root(input).derive_device(&Nonce::new(array(input, "locator")))),
        "local" => json!({"key": b(root(input).derive_local().danger_bytes())}),
        "pages" => json!({"key": b(root(input).derive_pages().danger_bytes())}),
        _ => return no_such(),
    })
}

pub(super) fn book(world: &World) -> Book {
    let mut book = Book::new("keys");
    let root = world.root_text();
    for (name, index, salt) in [
        ("address 1 with its salt", 1, b(world.salt.as_bytes())),
        (
            "another salt changes kem and nothing else",
            1,
            b([0xa2; 32]),
        ),
        (
            "another index changes every key",
            258,
            b(world.salt.as_bytes()),
        ),
        ("address 0 has no salt", 0, Value::Null),
    ] {
        let input = json!({"root": root, "index": index, "salt": salt});
        let output = run("address", &input).unwrap();
        book.good(name, "keys.address", input, output);
    }
    let of = |name: &str| json!({"root": root, "ref": b(name)});
    let copy = run("copy", &of("copy ref 16 byte")).unwrap();
    book.good(
        "a one-time copy's key",
        "keys.copy",
        of("copy ref 16 byte"),
        copy,
    );
    for (name, op, input) in [
        (
            "the key that deletes a wrapped root at a hub",
            "device",
            json!({"root": root, "locator": b([0xb3; 32])}),
        ),
        ("the key of local files", "local", json!({"root": root})),
        ("the key of the pages", "pages", json!({"root": root})),
    ] {
        let output = run(op, &input).unwrap();
        book.good(name, &format!("keys.{op}"), input, output);
    }
    book
}
