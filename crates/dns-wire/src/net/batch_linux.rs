//! Many datagrams with one system call on the way in, and one on the way out (`recvmmsg`, `sendmmsg`).
//!
//! The kernel is handed pointers into buffers that a [`Batch`] owns; they are set anew before each call and
//! no pointer outlives it. On a wildcard address the kernel says with each datagram which address it was
//! sent to (`IP_PKTINFO`, RFC 3542 section 6), and the answer names that one as its source.

use crate::listener::Answers;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

/// Datagrams in a batch.
const SIZE: usize = 64;
/// The largest answer over UDP.
const ANSWER: usize = 4096;
/// Octets of a line of memory.
const LINE: usize = 64;
/// Room for one control message with either kind of packet information.
const CONTROL: usize = 64;

/// Buffers for a batch of queries and their answers.
pub(crate) struct Batch {
    incoming: Incoming,
    outgoing: Outgoing,
    headers: Box<[libc::mmsghdr]>,
    vectors: Box<[libc::iovec]>,
}

/// The datagrams of a batch. The less memory they lie in, the more of it is still near when they are answered.
pub(crate) struct Incoming {
    /// Room for `largest` octets of each, `stride` apart.
    queries: Box<[u8]>,
    largest: usize,
    stride: usize,
    peers: Box<[Peer]>,
    /// Empty on a socket that does not ask for them.
    controls: Box<[Control]>,
    /// For each datagram received: its length, and the lengths of its sender's address and control data.
    received: Vec<Received>,
}

/// The answers of a batch.
pub(crate) struct Outgoing {
    /// The answers, one behind the other.
    octets: Box<[u8]>,
    end: usize,
    pending: Vec<Pending>,
}

/// An answer that is to be sent.
#[derive(Clone, Copy)]
struct Pending {
    /// The datagram that it answers.
    index: usize,
    start: usize,
    length: usize,
}

/// A sender's address: the larger of the two that a socket of the Internet can have.
type Peer = libc::sockaddr_in6;

#[derive(Clone, Copy)]
struct Received {
    length: usize,
    peer_length: libc::socklen_t,
    control_length: usize,
    cut_short: bool,
}

/// Control data must be aligned like its header.
#[repr(align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL]);

// === impl Batch ===

impl Batch {
    /// Buffers for queries of up to `largest` octets that come on `socket`; what is longer is not read.
    pub(crate) fn new(socket: &UdpSocket, largest: usize) -> io::Result<Self> {
        // SAFETY: all of these are plain C structures of integers and pointers, for which zeroes are valid.
        let (peers, headers, vectors) = unsafe {
            (
                vec![MaybeUninit::<Peer>::zeroed().assume_init(); SIZE],
                vec![MaybeUninit::<libc::mmsghdr>::zeroed().assume_init(); SIZE],
                vec![MaybeUninit::<libc::iovec>::zeroed().assume_init(); SIZE],
            )
        };
        let controls = if socket.local_addr()?.ip().is_unspecified() { SIZE } else { 0 };
        // An odd number of lines apart: at a power of two their beginnings would push each other out of the cache.
        let stride = (largest.div_ceil(LINE) | 1) * LINE;
        let incoming = Incoming {
            queries: vec![0; SIZE * stride].into(),
            largest,
            stride,
            peers: peers.into(),
            controls: vec![Control([0; CONTROL]); controls].into(),
            received: Vec::with_capacity(SIZE),
        };
        let outgoing =
            Outgoing { octets: vec![0; SIZE * ANSWER].into(), end: 0, pending: Vec::with_capacity(SIZE) };
        Ok(Self { incoming, outgoing, headers: headers.into(), vectors: vectors.into() })
    }

    /// How many datagrams a batch has at most.
    pub(crate) const fn size() -> usize {
        SIZE
    }

    /// What came, and what goes.
    pub(crate) fn split(&mut self) -> (&Incoming, &mut Outgoing) {
        (&self.incoming, &mut self.outgoing)
    }

    /// Reads what is there, up to a batch, without waiting.
    pub(crate) fn receive(&mut self, socket: &impl AsRawFd) -> io::Result<usize> {
        let Incoming { queries, largest, stride, peers, controls, received } = &mut self.incoming;
        received.clear();
        self.outgoing.pending.clear();
        self.outgoing.end = 0;
        for (index, query) in queries.chunks_exact_mut(*stride).enumerate() {
            self.vectors[index] = libc::iovec { iov_base: query.as_mut_ptr().cast(), iov_len: *largest };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = (&raw mut peers[index]).cast();
            header.msg_namelen = size_of::<Peer>() as libc::socklen_t;
            header.msg_iov = &raw mut self.vectors[index];
            header.msg_iovlen = 1;
            let control = controls.get_mut(index);
            (header.msg_control, header.msg_controllen) = match control {
                Some(control) => (control.0.as_mut_ptr().cast(), CONTROL as _),
                None => (std::ptr::null_mut(), 0),
            };
            header.msg_flags = 0;
        }
        // SAFETY: every header points at buffers of the stated lengths that this value owns and that nothing
        // else touches during the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                SIZE as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        #[allow(clippy::unnecessary_cast, reason = "the length's type differs between C libraries")]
        received.extend(self.headers[..count].iter().map(|header| Received {
            length: (header.msg_len as usize).min(*largest),
            peer_length: header.msg_hdr.msg_namelen,
            control_length: (header.msg_hdr.msg_controllen as usize).min(CONTROL),
            cut_short: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        }));
        Ok(count)
    }

    /// Sends the answers, each to the sender of its query and from the address that was asked. Says how many
    /// the kernel did not take.
    pub(crate) fn send(&mut self, socket: &impl AsRawFd) -> usize {
        let Incoming { peers, controls, received, .. } = &mut self.incoming;
        let Outgoing { octets, pending, .. } = &mut self.outgoing;
        let mut lost = 0;
        let mut first = 0;
        for (slot, Pending { index, start, length }) in pending.iter().enumerate() {
            let octets = &mut octets[*start..*start + *length];
            self.vectors[slot] = libc::iovec { iov_base: octets.as_mut_ptr().cast(), iov_len: *length };
            let received = received[*index];
            let header = &mut self.headers[slot].msg_hdr;
            header.msg_name = (&raw mut peers[*index]).cast();
            header.msg_namelen = received.peer_length;
            header.msg_iov = &raw mut self.vectors[slot];
            header.msg_iovlen = 1;
            // What came as the address asked goes back as the source: the interface is left to the routes.
            (header.msg_control, header.msg_controllen) = match controls.get_mut(*index) {
                Some(control) => {
                    let length = prepare_source(control, received.control_length);
                    (control.0.as_mut_ptr().cast(), length as _)
                }
                None => (std::ptr::null_mut(), 0),
            };
            header.msg_flags = 0;
        }
        while first < pending.len() {
            let rest = pending.len() - first;
            // SAFETY: as in `receive`; the kernel only reads here.
            let sent = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    self.headers[first..].as_mut_ptr(),
                    rest as libc::c_uint,
                    libc::MSG_DONTWAIT as _,
                )
            };
            match usize::try_from(sent) {
                Ok(sent) if sent > 0 => first += sent,
                // The error is that of the first message: it is lost, the others are tried.
                _ => {
                    lost += 1;
                    first += 1;
                }
            }
        }
        pending.clear();
        lost
    }
}

// === impl Incoming ===

impl Incoming {
    /// A datagram of the batch, its sender, and the address that it was sent to where that is known. `None`
    /// for one that was too long or whose sender has no address of the Internet.
    #[inline]
    pub(crate) fn datagram(&self, index: usize) -> Option<(&[u8], SocketAddr, Option<IpAddr>)> {
        let received = self.received.get(index)?;
        if received.cut_short {
            return None;
        }
        let peer = address(&self.peers[index])?;
        let start = index * self.stride;
        Some((&self.queries[start..start + received.length], peer, self.local(index)))
    }

    #[inline]
    fn local(&self, index: usize) -> Option<IpAddr> {
        let control = self.controls.get(index)?;
        packet_info(&control.0[..self.received[index].control_length])
    }
}

// === impl Outgoing ===

impl Answers for Outgoing {
    #[inline]
    fn room(&mut self) -> &mut [u8] {
        &mut self.octets[self.end..]
    }

    #[inline]
    fn composed(&mut self, place: usize, length: usize) {
        self.pending.push(Pending { index: place, start: self.end, length });
        self.end += length.next_multiple_of(8);
    }
}

/// The destination address in control data.
fn packet_info(control: &[u8]) -> Option<IpAddr> {
    let (level, kind, data) = control_message(control)?;
    match (level, kind) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            // struct in_pktinfo: interface, local address, destination address of the header.
            let octets: [u8; 4] = data.get(8..12)?.try_into().ok()?;
            Some(Ipv4Addr::from(octets).into())
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            let octets: [u8; 16] = data.get(..16)?.try_into().ok()?;
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

/// Level, type and data of the first control message.
fn control_message(control: &[u8]) -> Option<(i32, i32, &[u8])> {
    let head = size_of::<libc::cmsghdr>();
    let length = usize::from_ne_bytes(control.get(..8)?.try_into().ok()?);
    let level = i32::from_ne_bytes(control.get(8..12)?.try_into().ok()?);
    let kind = i32::from_ne_bytes(control.get(12..16)?.try_into().ok()?);
    Some((level, kind, control.get(head..length)?))
}

/// Makes the control data of a query into that of its answer; gives its length, 0 for none.
fn prepare_source(control: &mut Control, length: usize) -> usize {
    let Some((level, kind, data)) = control_message(&control.0[..length]) else { return 0 };
    let (start, end) = (size_of::<libc::cmsghdr>(), size_of::<libc::cmsghdr>() + data.len());
    match (level, kind) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) if data.len() >= 12 => {
            let data = &mut control.0[start..end];
            // The kernel takes the source from the local address; for a query to an alias or a broadcast
            // that is not what was asked, so the header's destination goes there.
            data[..4].fill(0);
            data.copy_within(8..12, 4);
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if data.len() >= 20 => {
            let data = &mut control.0[start..end];
            // A link-local address means nothing without its interface.
            if data[0] != 0xfe || data[1] & 0xc0 != 0x80 {
                data[16..20].fill(0);
            }
        }
        _ => return 0,
    }
    end.next_multiple_of(8).min(length)
}

#[inline]
fn address(peer: &Peer) -> Option<SocketAddr> {
    match i32::from(peer.sin6_family) {
        libc::AF_INET => {
            // SAFETY: the family says which structure the kernel wrote; the other is larger and as much aligned.
            let own = unsafe { &*(&raw const *peer).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(own.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(own.sin_port)).into())
        }
        libc::AF_INET6 => {
            let ip = Ipv6Addr::from(peer.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, u16::from_be(peer.sin6_port), 0, peer.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// Sends one answer by itself, from this address where one is named: for answers that waited.
pub(crate) fn send_one(
    socket: RawFd,
    octets: &[u8],
    peer: SocketAddr,
    local: Option<IpAddr>,
) -> io::Result<()> {
    let peer = socket2::SockAddr::from(peer);
    let mut control = Control([0; CONTROL]);
    let length = local.map_or(0, |local| compose_source(&mut control, local));
    let mut vector = libc::iovec { iov_base: octets.as_ptr().cast_mut().cast(), iov_len: octets.len() };
    // SAFETY: zeroes are valid for this plain C structure.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_name = peer.as_ptr().cast_mut().cast();
    header.msg_namelen = peer.len();
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = length as _;
    // SAFETY: the header points at live buffers of the stated lengths, which the kernel only reads.
    let sent = unsafe { libc::sendmsg(socket, &raw const header, libc::MSG_DONTWAIT) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Writes control data that names a source address; gives its length.
fn compose_source(control: &mut Control, local: IpAddr) -> usize {
    let head = size_of::<libc::cmsghdr>();
    let (level, kind, data): (i32, i32, Vec<u8>) = match local {
        IpAddr::V4(ip) => {
            let data = [&[0; 4][..], &ip.octets(), &[0; 4]].concat();
            (libc::IPPROTO_IP, libc::IP_PKTINFO, data)
        }
        IpAddr::V6(ip) => {
            let data = [&ip.octets()[..], &[0; 4]].concat();
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, data)
        }
    };
    let end = head + data.len();
    control.0[..8].copy_from_slice(&end.to_ne_bytes());
    control.0[8..12].copy_from_slice(&level.to_ne_bytes());
    control.0[12..16].copy_from_slice(&kind.to_ne_bytes());
    control.0[head..end].copy_from_slice(&data);
    end.next_multiple_of(8)
}
