use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::device::DeviceInfo;
use crate::file;
use crate::gpu::pipelines::{Choices, Tile};

/// Maximum size of a cache file, in bytes. Larger files are ignored.
const MOST_BYTES: u64 = 1 << 20;

/// Cached choices of one device, stored under its name in a file that all of a user's devices share.
pub struct CacheEntry {
    path: PathBuf,
    device: String,
}

/// Choices by device.
type Devices = BTreeMap<String, Choices>;

impl CacheEntry {
    /// Entry of `device`. `None` if the user has no cache directory.
    pub fn of(device: &DeviceInfo) -> Option<Self> {
        let variable = |name: &str| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
        let folder = match variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()) {
            Some(folder) => folder,
            None => Path::new(&variable("HOME").or_else(|| variable("USERPROFILE"))?).join(".cache"),
        };
        Some(CacheEntry { path: folder.join("ckpt-gpu").join("tiles.json"), device: key(device) })
    }

    /// Reads the cached choices. Empty if the file is missing or is not in the format of
    /// [`CacheEntry::write`].
    pub fn read(&self) -> Choices {
        let choices = self.devices().remove(&self.device).unwrap_or_default();
        choices.into_iter().filter(|(_, tile)| Tile::for_hardware().any(|known| known == *tile)).collect()
    }

    /// Writes `choices` to the cache. A failure is not an error: the next run measures again.
    pub fn write(&self, choices: &Choices) {
        let devices =
            Devices::from_iter(self.devices().into_iter().chain([(self.device.clone(), choices.clone())]));
        if let (Some(folder), Ok(text)) = (self.path.parent(), serde_json::to_string_pretty(&devices))
            && std::fs::create_dir_all(folder).is_ok()
        {
            file::replace_with(&self.path, &text).unwrap_or_default();
        }
    }

    fn devices(&self) -> Devices {
        let is_ours = self.path.metadata().is_ok_and(|found| found.is_file() && found.len() <= MOST_BYTES);
        let text = is_ours.then(|| std::fs::read_to_string(&self.path).ok()).flatten();
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }
}

/// Key of a device. It includes the driver and the crate version, as both can change which tile is fastest.
fn key(DeviceInfo { name, backend, driver, .. }: &DeviceInfo) -> String {
    format!("{name} | {backend} | {driver} | ckpt-gpu {}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: &Path, name: &str) -> CacheEntry {
        CacheEntry { path: folder.join("ckpt-gpu").join("tiles.json"), device: name.to_owned() }
    }

    fn staged() -> Tile {
        Tile::for_hardware().find(|tile| matches!(tile, Tile::Staged(_))).unwrap()
    }

    #[test]
    fn what_one_device_has_found_is_read_back_and_no_other_device_loses_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (place(folder.path(), "one"), place(folder.path(), "other"));
        assert_eq!(one.read(), Choices::new());
        let choices = Choices::from([
            ("forward 8x8x8".to_owned(), staged()),
            ("delta 8x8x8".to_owned(), Tile::Blocks([8, 8])),
        ]);
        one.write(&choices);
        other.write(&Choices::new());
        assert_eq!((one.read(), other.read()), (choices, Choices::new()));
    }

    #[test]
    fn foreign_files_are_ignored_and_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let one = place(folder.path(), "one");
        let choices = Choices::from([("forward 8x8x8".to_owned(), staged())]);
        one.write(&choices);
        let unknown = r#"{"one": {"forward 8x8x8": {"Blocks": [3, 0]}}}"#;
        for foreign in ["", "{", "[1]", r#"{"one": 3}"#, unknown] {
            std::fs::write(&one.path, foreign).unwrap();
            assert_eq!(one.read(), Choices::new(), "{foreign}");
            one.write(&choices);
            assert_eq!(one.read(), choices, "{foreign}");
        }
    }
}
