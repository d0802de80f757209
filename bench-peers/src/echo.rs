//! The floor: a server that reads a batch, sets QR in each datagram, and sends the batch back. No server that leaves its
//! socket as the system makes it can cost less.

use crate::mmsg::{BATCH, Beside, Inbox};
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// Echoes until the process ends. It waits in `poll` when there is nothing, as a good server does.
pub fn serve(socket: &UdpSocket) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let mut inbox = Inbox::default();
    loop {
        let count = inbox.receive(socket, Beside::Senders).unwrap_or(0);
        for index in 0..count {
            if let Some(flags) = inbox.datagram(index).get_mut(2) {
                *flags |= 0x80;
            }
        }
        inbox.send_back(socket, count);
        if count < BATCH {
            wait(socket)?;
        }
    }
}

fn wait(socket: &UdpSocket) -> io::Result<()> {
    let mut entry = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, which lives during the call.
    let ready = unsafe { libc::poll(&raw mut entry, 1, -1) };
    if ready < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
