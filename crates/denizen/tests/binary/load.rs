//! A real hub and clients that are slow, or too many: they are cut off, and everybody else is served. What
//! is waited for is that the hub ends a connection, never a time.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests of real processes"
)]

use crate::support::{HubFolder, PATIENCE, Process, wait_for};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

/// A hub with these limits instead of its own.
fn limited(limits: &[(&str, &str)]) -> (HubFolder, Process) {
    let hub = HubFolder::make();
    let file = hub.path().join("hub.toml");
    let mut settings = fs::read_to_string(&file).unwrap();
    for (own, other) in limits {
        assert!(settings.contains(own), "{own}");
        settings = settings.replace(own, other);
    }
    fs::write(&file, settings).unwrap();
    let process = hub.serve();
    (hub, process)
}

fn connect(hub: &HubFolder) -> TcpStream {
    let stream = TcpStream::connect(hub.url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Everything until the hub ends the connection.
fn rest(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => {}
        // What was not read by the hub is answered by a reset.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the hub has not ended it: {error}"),
    }
    String::from_utf8(said).unwrap()
}

fn healthy(hub: &HubFolder) -> bool {
    let mut stream = connect(hub);
    let request = b"GET /healthz HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    rest(stream).contains("200 OK")
}

#[test]
fn who_sends_slowly_is_cut_off_and_others_are_served_meanwhile() {
    let (hub, _process) = limited(&[("request_s = 20", "request_s = 1")]);
    let mut silent = Vec::new();
    for begun in [
        "",
        "POST /v1/dep",
        "POST /v1/deposits HTTP/1.1\r\nhost: hub\r\ncontent-le",
        // A body that does not come.
        "PUT /v1/roots/x HTTP/1.1\r\nhost: hub\r\ncontent-length: 60000\r\n\r\nhalf",
        "PUT /v1/roots/x HTTP/1.1\r\nhost: hub\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let mut stream = connect(&hub);
        stream.write_all(begun.as_bytes()).unwrap();
        silent.push((begun, stream));
    }
    assert!(healthy(&hub));
    for (begun, stream) in silent {
        let said = rest(stream);
        let of_a_body = begun.contains("half");
        assert_eq!(
            said.starts_with("HTTP/1.1 400"),
            of_a_body,
            "{begun}: {said}"
        );
    }
    // A deposit that nobody signed is refused before its body.
    let mut unsigned = connect(&hub);
    let head = b"POST /v1/deposits HTTP/1.1\r\nhost: hub\r\ncontent-length: 60000\r\n\r\nhalf";
    unsigned.write_all(head).unwrap();
    let said = rest(unsigned);
    assert!(said.starts_with("HTTP/1.1 401"), "{said}");
    assert!(healthy(&hub));
}

#[test]
fn who_reads_nothing_is_cut_off() {
    let (hub, _process) = limited(&[("request_s = 20", "request_s = 1")]);
    let mut greedy = connect(&hub);
    // Answers are asked for until the hub takes no more requests, since it cannot get rid of them.
    let ask = b"GET /v1/openapi.json HTTP/1.1\r\nhost: hub\r\n\r\n".repeat(64);
    let ended = loop {
        if let Err(error) = greedy.write_all(&ask) {
            break error.kind();
        }
    };
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
    assert!(matches!(ended, BrokenPipe | ConnectionReset), "{ended}");
    assert!(healthy(&hub));
}

#[test]
fn more_connections_than_it_may_have_are_closed_at_once() {
    let (hub, _process) = limited(&[("connections_max = 4096", "connections_max = 3")]);
    // The one that saw that the hub answers may still be open.
    wait_for("no connection is left", || {
        let three = [connect(&hub), connect(&hub), connect(&hub)];
        let all = three.into_iter().map(|mut stream| {
            let request = b"GET /healthz HTTP/1.1\r\nhost: hub\r\n\r\n";
            let mut said = [0; 15];
            stream.write_all(request).ok()?;
            stream.read_exact(&mut said).ok()?;
            Some(stream)
        });
        let three: Vec<TcpStream> = all.collect::<Option<_>>()?;
        assert_eq!(rest(connect(&hub)), "", "the fourth is closed");
        drop(three);
        Some(())
    });
    wait_for("there is room again", || {
        let mut stream = connect(&hub);
        let request = b"GET /healthz HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n";
        stream.write_all(request).ok()?;
        rest(stream).contains("200 OK").then_some(())
    });
}
