//! No capability is left, and none can come back by an exec.
#![expect(unsafe_code, reason = "capset(2) has no safe wrapper in the tree")]

use std::io;

use libc::c_ulong;

use crate::sys::{check, prctl};

/// `_LINUX_CAPABILITY_VERSION_3`: two words of 32 bits each.
const VERSION_3: u32 = 0x2008_0522;
/// More than any kernel has; the kernel says EINVAL at its own end.
const CAPABILITIES_MAX: c_ulong = 64;
/// `SECBIT_NOROOT` and `SECBIT_NO_SETUID_FIXUP`, both locked: uid 0 means nothing any more.
const SECURE_BITS: c_ulong = 0b1111;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Words {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Drops the bounding set, the ambient set and all others. Without namespaces and without root there is nothing to
/// drop, and the bounding set may not be changed: that is no failure.
pub(crate) fn drop_all() -> io::Result<()> {
    for capability in 0..CAPABILITIES_MAX {
        if prctl(libc::PR_CAPBSET_DROP, capability).is_err() {
            break;
        }
    }
    let _without_right_to_set_it = prctl(libc::PR_SET_SECUREBITS, SECURE_BITS);
    let _before_linux_4_3 = prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as c_ulong);
    let header = Header { version: VERSION_3, pid: 0 };
    let none = [Words { effective: 0, permitted: 0, inheritable: 0 }; 2];
    // SAFETY: header and two words as version 3 wants them; both outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) };
    check(i32::try_from(result).unwrap_or(-1)).map(drop)
}
