//! Software adapters, on which tests run: they compute as GPUs do, on any machine.

use std::path::{Path, PathBuf};
use std::sync::Once;

use crate::{Gpu, Options};

/// Where Debian's packages and others put the drivers; the first that exists is taken.
const LAVAPIPE: [&str; 3] = [
    "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json",
    "/usr/share/vulkan/icd.d/lvp_icd.aarch64.json",
    "/usr/share/vulkan/icd.d/lvp_icd.json",
];
const SWIFTSHADER: [&str; 2] =
    ["/usr/lib/chromium/vk_swiftshader_icd.json", "/usr/share/vulkan/icd.d/vk_swiftshader_icd.json"];

fn driver(name: &str, variable: &str, paths: &[&str]) -> PathBuf {
    let given = std::env::var_os(variable).map(PathBuf::from);
    let found = given.or_else(|| paths.iter().map(PathBuf::from).find(|p| Path::exists(p)));
    found.unwrap_or_else(|| {
        panic!(
            "There is no {name} to test on. `node scripts/setup.mjs vulkan` installs it; or say where its .json file is: \
             {variable}=/path/to/icd.json."
        )
    })
}

/// Opens lavapipe and SwiftShader, and nothing else that the machine may have, with what is asked for.
///
/// # Panics
/// Where one of them is missing: a test on half of them would say less than it seems to.
pub fn open_software(options: Options) -> Vec<Gpu> {
    static DRIVERS: Once = Once::new();
    DRIVERS.call_once(|| {
        let lavapipe = driver("lavapipe", "CRESSET_LAVAPIPE", &LAVAPIPE);
        let swiftshader = driver("SwiftShader", "CRESSET_SWIFTSHADER", &SWIFTSHADER);
        let list = std::env::join_paths([lavapipe, swiftshader]).unwrap();
        // Safety: once, before anything of Vulkan reads it.
        unsafe {
            std::env::set_var("VK_ICD_FILENAMES", &list);
            std::env::set_var("VK_DRIVER_FILES", &list);
        }
    });
    let all: Vec<Gpu> = pollster::block_on(Gpu::open_all(options)).into_iter().map(|g| g.unwrap()).collect();
    let names: Vec<&str> = all.iter().map(Gpu::name).collect();
    assert_eq!(all.len(), 2, "both drivers must give an adapter, and these did: {names:?}");
    all
}
