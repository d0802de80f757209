//! Running listeners on loopback: what the kernel, the clients and the other actors see of them.

#[path = "../support/mod.rs"]
mod support;

mod resolver;
mod server;
mod shutdown;
mod tcp;
mod udp;
