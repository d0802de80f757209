//! Many datagrams with one system call (`recvmmsg`, `sendmmsg`), for the echo server and the generator.

use std::io;
use std::mem::MaybeUninit;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// Datagrams that one system call takes or brings.
pub const BATCH: usize = 64;
/// The largest datagram that is read whole, in octets: an odd number of cache lines, so that the beginnings of a
/// batch's datagrams do not compete for the same places in the cache, as they would every 4,096 octets.
const LARGEST: usize = 1600;

/// What is taken beside the octets of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// The addresses of the senders.
    Senders,
    /// When the kernel had it, on a socket that asks for that ([`stamp`]).
    Stamps,
}

/// Room for a control message that holds a `timespec`, aligned as control messages are.
type Control = [u64; 4];

/// Buffers for a batch, with the senders' addresses and the kernel's stamps.
pub struct Inbox {
    octets: Box<[[u8; LARGEST]]>,
    peers: Box<[libc::sockaddr_storage]>,
    controls: Box<[Control]>,
    vectors: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
}

/// Datagrams to be sent on a connected socket, by pointers to where they stand.
pub struct Outbox {
    vectors: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
}

fn zeroed_headers() -> Box<[libc::mmsghdr]> {
    // SAFETY: a plain C structure of integers and pointers, for which zeroes are valid.
    vec![unsafe { MaybeUninit::<libc::mmsghdr>::zeroed().assume_init() }; BATCH].into()
}

fn zeroed_vectors() -> Box<[libc::iovec]> {
    vec![libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; BATCH].into()
}

fn counted(result: libc::c_int) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

// === impl Inbox ===

impl Default for Inbox {
    fn default() -> Self {
        // SAFETY: a plain C structure of integers, for which zeroes are valid.
        let peer = unsafe { MaybeUninit::<libc::sockaddr_storage>::zeroed().assume_init() };
        Self {
            octets: vec![[0; LARGEST]; BATCH].into(),
            peers: vec![peer; BATCH].into(),
            controls: vec![Control::default(); BATCH].into(),
            vectors: zeroed_vectors(),
            headers: zeroed_headers(),
        }
    }
}

impl Inbox {
    /// Reads what is there, up to a batch, without waiting. 0 where there is nothing.
    pub fn receive(&mut self, socket: &UdpSocket, beside: Beside) -> io::Result<usize> {
        for index in 0..BATCH {
            self.vectors[index] =
                libc::iovec { iov_base: self.octets[index].as_mut_ptr().cast(), iov_len: LARGEST };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_iov = &raw mut self.vectors[index];
            header.msg_iovlen = 1;
            match beside {
                Beside::Nothing => {}
                Beside::Senders => {
                    header.msg_name = (&raw mut self.peers[index]).cast();
                    header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
                }
                Beside::Stamps => {
                    header.msg_control = self.controls[index].as_mut_ptr().cast();
                    header.msg_controllen = size_of::<Control>() as _;
                }
            }
        }
        // SAFETY: every header points at buffers of the stated lengths that this value owns and that nothing else
        // touches during the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        match counted(count) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            other => other,
        }
    }

    /// A datagram of the batch that was read last.
    pub fn datagram(&mut self, index: usize) -> &mut [u8] {
        let length = (self.headers[index].msg_len as usize).min(LARGEST);
        &mut self.octets[index][..length]
    }

    /// When the kernel had that datagram, in nanoseconds as [`stamp_now`] gives them; `None` where it did not say.
    pub fn stamp(&self, index: usize) -> Option<u64> {
        let header = &self.headers[index].msg_hdr;
        // SAFETY: the header is that of the last call, whose control buffer, if it has any, this value owns; the kernel
        // has written `msg_controllen` octets of whole control messages there.
        let time = unsafe {
            let first = libc::CMSG_FIRSTHDR(header);
            let control = first.as_ref()?;
            if (control.cmsg_level, control.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
                return None;
            }
            libc::CMSG_DATA(first).cast::<libc::timespec>().read_unaligned()
        };
        Some(in_nanoseconds(time))
    }

    /// Sends the first `count` datagrams of the batch back to their senders, as they stand in the buffers.
    pub fn send_back(&mut self, socket: &UdpSocket, count: usize) {
        for index in 0..count {
            self.vectors[index].iov_len = (self.headers[index].msg_len as usize).min(LARGEST);
        }
        send_all(socket, &mut self.headers[..count]);
    }
}

// === impl Outbox ===

impl Default for Outbox {
    fn default() -> Self {
        Self { vectors: zeroed_vectors(), headers: zeroed_headers() }
    }
}

impl Outbox {
    /// Sends datagrams that stand in `arena` at these places, at most a batch. Says how many the kernel took.
    pub fn send(&mut self, socket: &UdpSocket, arena: &[u8], places: &[(usize, usize)]) -> usize {
        let count = places.len().min(BATCH);
        for (index, &(start, length)) in places[..count].iter().enumerate() {
            let octets = &arena[start..start + length];
            self.vectors[index] =
                libc::iovec { iov_base: octets.as_ptr().cast_mut().cast(), iov_len: length };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_iov = &raw mut self.vectors[index];
            header.msg_iovlen = 1;
        }
        send_all(socket, &mut self.headers[..count])
    }

    /// Sends datagrams of one length, at most a batch, as one that the kernel cuts ([`segment`]). Says how many it
    /// took.
    pub fn send_as_one(&mut self, socket: &UdpSocket, arena: &[u8], places: &[(usize, usize)]) -> usize {
        let count = places.len().min(BATCH);
        if count == 0 {
            return 0;
        }
        for (vector, &(start, length)) in self.vectors.iter_mut().zip(&places[..count]) {
            let octets = &arena[start..start + length];
            *vector = libc::iovec { iov_base: octets.as_ptr().cast_mut().cast(), iov_len: length };
        }
        let header = &mut self.headers[0].msg_hdr;
        header.msg_iov = self.vectors.as_mut_ptr();
        header.msg_iovlen = count as _;
        send_all(socket, &mut self.headers[..1]) * count
    }
}

/// Has the kernel cut what is sent on this socket into datagrams of this size (`UDP_SEGMENT`, udp(7)).
pub fn segment(socket: &UdpSocket, size: usize) -> io::Result<()> {
    set(socket, libc::SOL_UDP, libc::UDP_SEGMENT, size as libc::c_int)
}

/// Has the kernel say of each datagram on this socket when it had it (`SO_TIMESTAMPNS`, socket(7)).
pub fn stamp(socket: &UdpSocket) -> io::Result<()> {
    set(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)
}

/// Sets an option of a socket that is an integer.
pub fn set(
    socket: &UdpSocket,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
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
    counted(result).map(|_| ())
}

/// Now, by the clock that the kernel stamps with, in nanoseconds.
pub fn stamp_now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure lives during the call, which writes it alone. This clock is always there.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut time) };
    in_nanoseconds(time)
}

fn in_nanoseconds(time: libc::timespec) -> u64 {
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// Sends each message; one that the kernel refuses is passed over. Says how many were sent.
fn send_all(socket: &UdpSocket, headers: &mut [libc::mmsghdr]) -> usize {
    let (mut next, mut sent) = (0, 0);
    while next < headers.len() {
        let rest = &mut headers[next..];
        // SAFETY: the headers point at live buffers of the stated lengths, which the kernel only reads.
        let taken =
            unsafe { libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), rest.len() as libc::c_uint, 0) };
        match counted(taken) {
            Ok(taken) if taken > 0 => {
                next += taken;
                sent += taken;
            }
            // The error is that of the first message: it is lost, the others are tried.
            _ => next += 1,
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::{Beside, Inbox, stamp, stamp_now};
    use std::net::UdpSocket;

    #[test]
    fn a_stamp_lies_between_sending_and_reading() {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let sender = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        stamp(&socket).unwrap();
        let mut inbox = Inbox::default();
        let before = stamp_now();
        sender.send_to(b"question", socket.local_addr().unwrap()).unwrap();
        assert_eq!(inbox.receive(&socket, Beside::Stamps).unwrap(), 1);
        let stamped = inbox.stamp(0).unwrap();
        assert!(before <= stamped && stamped <= stamp_now());
        assert_eq!(inbox.datagram(0), b"question");
    }

    #[test]
    fn without_asking_there_is_no_stamp() {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let mut inbox = Inbox::default();
        socket.send_to(b"question", socket.local_addr().unwrap()).unwrap();
        assert_eq!(inbox.receive(&socket, Beside::Nothing).unwrap(), 1);
        assert_eq!(inbox.stamp(0), None);
    }
}
