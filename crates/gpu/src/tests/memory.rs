//! Memory that runs out: the process may have no more of it than so much, which is where software adapters have theirs.

use cresset_lane::DType;

use crate::testing::on_each;
use crate::{Buffer, Gpu, Kind};

unsafe extern "C" {
    fn getrlimit(resource: i32, limit: *mut [u64; 2]) -> i32;
    fn setrlimit(resource: i32, limit: *const [u64; 2]) -> i32;
}

/// Linux's number for the size of the address space.
const RLIMIT_AS: i32 = 9;

/// While it lives, the process can have this many bytes more than it has.
struct Limited([u64; 2]);

impl Limited {
    fn to(more: u64) -> Limited {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let now = pages.split(' ').next().unwrap().parse::<u64>().unwrap() * 4096;
        let mut before = [0; 2];
        // Safety: both take a pair of numbers; the second is what it was.
        unsafe {
            assert_eq!(getrlimit(RLIMIT_AS, &mut before), 0);
            assert_eq!(setrlimit(RLIMIT_AS, &[now + more, before[1]]), 0);
        }
        Limited(before)
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        // Safety: as above.
        unsafe { setrlimit(RLIMIT_AS, &self.0) };
    }
}

fn elements(gpu: &Gpu, b: &Buffer) -> Vec<u8> {
    pollster::block_on(gpu.read(b, DType::F32, 0, 4)).unwrap()
}

#[test]
fn the_device_lives_on_when_it_has_no_memory_left() {
    on_each(|gpu| {
        let before = gpu.upload(DType::F32, &[7; 16]).unwrap();
        assert_eq!(elements(gpu, &before), [7; 16]);
        let limited = Limited::to(1 << 29);
        let mut held = Vec::new();
        let e = loop {
            match gpu.buffer((100 << 20) / 4) {
                Ok(b) => held.push(b),
                Err(e) => break e,
            }
            assert!(held.len() < 100, "{} has more than the process may have", gpu.name());
        };
        eprintln!("{} after {}: {e}", gpu.name(), held.len());
        assert_eq!(e.kind, Kind::OutOfMemory, "{e}");
        let asked = format!("has no {} bytes left; {} are in tensors", held[0].capacity() * 4, gpu.pool_stats().live);
        assert!(e.message.contains(&asked), "{e}");
        drop(limited);
        // What there was is there, what is freed can be used, and no later read complains.
        assert_eq!(elements(gpu, &before), [7; 16]);
        drop(held);
        let after = gpu.upload(DType::F32, &[3; 16]).unwrap();
        assert_eq!(elements(gpu, &after), [3; 16]);
    });
}
