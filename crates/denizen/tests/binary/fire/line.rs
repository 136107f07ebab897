//! Lines between programs: each end is a real socket, and between them some bytes are carried and no more.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// What may still be carried in one direction of one connection, or of all.
#[derive(Clone)]
pub(super) struct Bytes(Arc<Mutex<usize>>);

impl Bytes {
    pub(super) fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new(count)))
    }

    /// No end to them.
    pub(super) fn endless() -> Self {
        Self::new(usize::MAX)
    }

    pub(super) fn set(&self, count: usize) {
        *self.0.lock().unwrap() = count;
    }

    /// Takes so many, or as many as there are.
    fn take(&self, count: usize) -> usize {
        let mut left = self.0.lock().unwrap();
        let taken = count.min(*left);
        if *left != usize::MAX {
            *left -= taken;
        }
        taken
    }
}

/// What happens when there are no more.
#[derive(Clone)]
pub(super) enum Then {
    /// The connection ends, both ways.
    Cut,
    /// Nothing more comes, and nobody is told; this is set.
    Silence(Arc<AtomicBool>),
}

/// Opens a line to a server; each connection asks for what its requests and its answers may take. Gives where
/// it listens.
pub(super) fn open(
    to: &str,
    mut each: impl FnMut() -> [Bytes; 2] + Send + 'static,
    then: Then,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let to = to.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            // Nobody answers there: as a closed port would say it.
            let Ok(server) = TcpStream::connect(&to) else {
                continue;
            };
            let [up, down] = each();
            for (from, to, bytes) in [(&client, &server, up), (&server, &client, down)] {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let then = then.clone();
                std::thread::spawn(move || carry(from, to, &bytes, &then));
            }
        }
    });
    url
}

fn carry(mut from: TcpStream, mut to: TcpStream, bytes: &Bytes, then: &Then) {
    let mut part = [0; 1_400];
    while let Ok(count) = from.read(&mut part)
        && count > 0
    {
        let carried = bytes.take(count);
        if to.write_all(&part[..carried]).is_err() {
            break;
        }
        if carried == count {
            continue;
        }
        if let Then::Silence(fell) = then {
            fell.store(true, Ordering::SeqCst);
            // The sockets stay open, and what comes is read by nobody.
            std::mem::forget((from, to));
            return;
        }
        break;
    }
    for end in [from, to] {
        // The other direction may have ended it.
        let _ = end.shutdown(Shutdown::Both);
    }
}
