//! The zip directory: which members an archive has.

use super::header::MAGIC;
use super::shown::shown;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

const MAX_MEMBERS: u64 = u16::MAX as u64;
/// Size of the end record with the longest comment, and of the zip64 locator before it.
const TAIL_BYTES: u64 = 22 + u16::MAX as u64 + 20;
const ZIP64_LOCATOR: &[u8] = b"PK\x06\x07";
const ZIP64_END: &[u8] = b"PK\x06\x06";

/// What to do with a Parquet file that is not read as a table.
const PARQUET_REMEDY: &str = if cfg!(feature = "parquet") {
    "give its name the ending .parquet, or write it as a CSV table with pandas"
} else {
    "build ckpt-gpu with its feature parquet, or write it as a CSV table with pandas"
};

/// Bytes by which files of other kinds are known.
const START_BYTES: usize = 8;

pub(super) type Zip = ZipArchive<BufReader<File>>;

/// Opens the archive in `file`. Returns its arrays by key, the member name without `.npy`, with their index
/// in the directory. The error describes a problem with the file as a whole.
pub(super) fn open(mut file: File) -> Result<(Zip, BTreeMap<String, usize>), String> {
    let declared = most_members_declared(&mut file).map_err(|e| format!("cannot be read: {e}"))?;
    if declared > MAX_MEMBERS {
        return Err(format!("declares {declared} members, expected at most {MAX_MEMBERS}"));
    }
    // An npz starts at its first byte. A search for the archive further on could find members that the check
    // above did not.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut start = [0; START_BYTES];
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read(&mut start)).unwrap_or(0);
    let mut zip =
        ZipArchive::with_config(config, BufReader::new(file)).map_err(|e| match kind(&start[..read]) {
            Some((what, remedy)) => format!("is {what}, not an .npz archive; {remedy}"),
            None => format!("not a complete .npz archive ({e}); write it with np.savez"),
        })?;
    if zip.has_duplicate_names() {
        return Err("holds two members of the same name, expected unique names".into());
    }
    let names = zip.file_names().enumerate().map(|(index, name)| {
        name.map(|name| name.to_string()).map_err(|e| format!("member {index} has an unreadable name: {e}"))
    });
    let names = names.collect::<Result<Vec<String>, String>>()?;
    let mut members = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        let key = match name.strip_suffix(".npy") {
            Some(key) => key,
            None if is_array(&mut zip, index) => name,
            None => continue,
        };
        // Names that differ in the file may decode to the same text.
        if members.insert(key.to_owned(), index).is_some() {
            return Err(format!("holds {} twice, expected once", shown(key)));
        }
    }
    if members.is_empty() && !names.is_empty() {
        return Err(if names.iter().any(|name| name.ends_with("data.pkl")) {
            "is a PyTorch file, not an .npz archive; save its tensors with np.savez and .numpy()".to_owned()
        } else {
            "is a zip archive without NumPy arrays; write it with np.savez".to_owned()
        });
    }
    Ok((zip, members))
}

/// `true` if the member begins as an array does. NumPy reads those, too, whatever their name.
fn is_array(zip: &mut Zip, index: usize) -> bool {
    let mut start = [0; 6];
    let read = zip.by_index(index).ok().and_then(|mut member| member.read_exact(&mut start).ok());
    read.is_some() && start == *MAGIC
}

/// What a file is that begins so, and how to convert it, if it is known and no archive.
fn kind(start: &[u8]) -> Option<(&'static str, &'static str)> {
    let kinds: [(&[u8], _, _); 8] = [
        (b"\x93NUMPY", "one NumPy array", "name the directory that holds it as x.npy, with y.npy"),
        (b"\x80", "a Python pickle", "load it in Python and write its arrays with np.savez"),
        (b"\x89PNG", "a PNG image", "write all images as one array with np.savez"),
        (b"\x89HDF", "an HDF5 file", "read its datasets with h5py and write them with np.savez"),
        (b"PAR1", "a Parquet file", PARQUET_REMEDY),
        (b"ARROW1", "an Arrow file", "read it with pandas and write its columns with np.savez"),
        (b"\x1f\x8b", "a gzipped file", "unpack it; for IDX files, name the folder that holds them"),
        (b"\0\0\x08", "one IDX file", "name the folder that holds it with its labels"),
    ];
    let known = kinds.into_iter().find(|(magic, ..)| start.starts_with(magic));
    known.map(|(_, what, remedy)| (what, remedy))
}

/// The largest member count that a zip64 end record declares, 0 without such a record. The zip reader
/// reserves memory for that many members before it has read one. The 16-bit count of other archives is
/// harmless.
fn most_members_declared(file: &mut File) -> io::Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    let mut most = 0;
    // A locator: signature, disk (4 bytes), offset of the end record (8), disks (4).
    for locator in tail.windows(16).filter(|window| window.starts_with(ZIP64_LOCATOR)) {
        let mut record = [0; 40];
        let found =
            file.seek(SeekFrom::Start(le_u64(&locator[8..]))).and_then(|_| file.read_exact(&mut record));
        if found.is_ok() && record.starts_with(ZIP64_END) {
            most = most.max(le_u64(&record[32..]));
        }
    }
    Ok(most)
}

fn le_u64(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |&word| u64::from_le_bytes(word))
}
