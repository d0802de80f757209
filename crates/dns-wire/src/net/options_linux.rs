//! Options of UDP sockets that socket2 does not set.

use socket2::Socket;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// What every path takes over IPv6, and in practice over IPv4, in octets (RFC 8200, section 5).
const EVERY_PATH: u16 = 1280;
/// What IPv6 and UDP put in front of an answer; IPv4 puts less.
const HEADERS: u16 = 40 + 8;

/// Asks the kernel to say with each datagram which address it was sent to.
pub(crate) fn ask_for_local_address(socket: &Socket, ipv6: bool) -> io::Result<()> {
    match ipv6 {
        true => set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
        false => set(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
    }
}

/// Has answers, none of more than `largest` octets, not go by what a router says about the size of a path: whoever forges
/// that would have them come in fragments, of which others can be slipped in. Where all of them fit every path they are
/// never fragmented (RFC 9715, section 3.1, R1 and R2); else over IPv4 by whoever has to, and over IPv6, where no router
/// does, to the size that every path takes.
pub(crate) fn ignore_path_mtu(socket: &Socket, ipv6: bool, largest: u16) -> io::Result<()> {
    let fits = largest <= EVERY_PATH - HEADERS;
    if !ipv6 {
        let discovery = if fits { libc::IP_PMTUDISC_PROBE } else { libc::IP_PMTUDISC_OMIT };
        return set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, discovery);
    }
    let discovery = if fits { libc::IPV6_PMTUDISC_PROBE } else { libc::IPV6_PMTUDISC_OMIT };
    set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, discovery)?;
    if fits { Ok(()) } else { set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU, EVERY_PATH.into()) }
}

/// What the kernel keeps about a socket's memory (`SK_MEMINFO_VARS` of linux/sock_diag.h), and where among it stands what it
/// dropped (`SK_MEMINFO_DROPS`).
const MEMORY: usize = 9;
const DROPS: usize = 8;

/// How many datagrams the kernel has dropped that came for a socket, modulo 2³².
///
/// # Errors
/// Linux before 4.12 does not say.
pub(crate) fn dropped(socket: &UdpSocket) -> io::Result<u32> {
    get::<MEMORY>(socket, libc::SOL_SOCKET, libc::SO_MEMINFO).map(|memory| memory[DROPS])
}

/// Reads an option that is so many integers of 32 bits.
fn get<const N: usize>(socket: &UdpSocket, level: libc::c_int, option: libc::c_int) -> io::Result<[u32; N]> {
    let mut values = [0; N];
    let mut size = size_of_val(&values) as libc::socklen_t;
    let place = (&raw mut values).cast();
    // SAFETY: the kernel writes no more than `size`, which is all of `values`, and any bits are integers.
    let result = unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, place, &raw mut size) };
    if result == 0 { Ok(values) } else { Err(io::Error::last_os_error()) }
}

/// Sets an option that is an integer.
fn set(socket: &Socket, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the option is an integer, and its address and size are those of `value`.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::super::bind::bind;
    use crate::config::WireConfig;
    use std::net::{Ipv6Addr, SocketAddr, UdpSocket};

    fn path_mtu(socket: &UdpSocket) -> libc::c_int {
        let (level, option) = match socket.local_addr().expect("an address").is_ipv6() {
            true => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER),
            false => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER),
        };
        let [value] = super::get(socket, level, option).expect("the option");
        value as libc::c_int
    }

    /// RFC 9715, section 3.1: "UDP responders should configure their systems to prevent fragmentation of UDP packets when
    /// sending replies, provided it can be done safely"; what is larger than a path may take is at least not fragmented on
    /// the word of a stranger.
    #[test]
    fn no_answer_is_fragmented_on_the_word_of_a_stranger() {
        let mut listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        let ipv6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
        listen.extend(UdpSocket::bind(ipv6).is_ok().then_some(ipv6));
        for (udp_payload, option) in [
            (512, libc::IP_PMTUDISC_PROBE),
            (1232, libc::IP_PMTUDISC_PROBE),
            (1233, libc::IP_PMTUDISC_OMIT),
            (4096, libc::IP_PMTUDISC_OMIT),
        ] {
            let config =
                WireConfig { listen: listen.clone(), udp_payload, tcp: false, ..WireConfig::default() };
            let (sockets, _) = bind(&config, 2).expect("sockets");
            let udp: Vec<_> = sockets.iter().flat_map(|sockets| &sockets.udp).collect();
            assert_eq!(udp.len(), 2 * listen.len());
            // The options of both families have the same numbers.
            assert!(udp.into_iter().all(|socket| path_mtu(socket) == option), "{udp_payload}");
        }
    }
}
