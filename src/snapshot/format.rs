//! Bytes of a snapshot: a line with the format's version, the length of the header as a little-endian u64, the header in
//! JSON, all values as little-endian f32 (parameters, then optimizer state, then the best parameters if they are kept; layer by
//! layer: weights, bias, and gain and shift if the layer has them), and the SHA-256 of all of it.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BestSoFar, LossSum, Progress, Snapshot};
use crate::Setting;
use crate::model::{LayerParameters, Parameters, Plateau, byte_chunks};

/// Start of every version's first line.
const FAMILY: &[u8] = b"ckpt-gpu snapshot ";
/// Version 2 stores the run's identity by setting; version 1 stored it by flag.
const MAGIC: &[u8] = b"ckpt-gpu snapshot 2\n";
const CHECKSUM_BYTES: usize = 32;
/// Two of an optimizer, and the moving average of the parameters.
const MOST_MOMENTS: usize = 3;
const OTHER_VERSION: &str = "was written by another version of ckpt-gpu, expected snapshot format 2; resume the run with \
                             the version that wrote it, or start a new run";

#[derive(Serialize, Deserialize)]
struct Header {
    widths: Vec<usize>,
    identity: BTreeMap<Setting, String>,
    #[serde(default)]
    slices: Option<usize>,
    steps: u64,
    loss_sum: f64,
    /// Whole in files of earlier builds.
    loss_steps: f64,
    moments: usize,
    /// Lengths of each layer's gain and shift; empty if no layer has any.
    #[serde(default)]
    norms: Vec<[usize; 2]>,
    #[serde(default)]
    plateau: Option<PlateauHeader>,
    #[serde(default)]
    best: Option<BestHeader>,
}

/// Numbers as their bits: JSON may round them, and an infinity has no form there.
#[derive(Serialize, Deserialize)]
struct PlateauHeader {
    best: u32,
    since: u64,
    factor: u32,
}

#[derive(Serialize, Deserialize)]
struct BestHeader {
    metric: String,
    value: u64,
    steps: u64,
    counted: u64,
    since: u64,
}

/// Largest header: identities are short, and widths take a few bytes a layer.
const MOST_HEADER_BYTES: u64 = 64 << 20;
/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// Writes `snapshot` to `file`, without a second copy of its values.
pub(crate) fn write(snapshot: &Snapshot, file: &mut impl Write) -> Result<(), String> {
    let Snapshot { progress, parameters, moments } = snapshot;
    let norms = parameters.layers.iter().map(|layer| [layer.gain.len(), layer.shift.len()]);
    write_from(progress, norms.collect(), moments.len(), file, |put| {
        [parameters].into_iter().chain(moments).flat_map(tensors).try_for_each(|values| put(values))
    })
}

/// As [`write()`], of a run with so many `moments`, whose layers have gains and shifts of the lengths `norms`. Its values are
/// those that `read` passes on: all parameters, and then the moments.
pub(super) fn write_from(
    progress: &Progress,
    mut norms: Vec<[usize; 2]>,
    moments: usize,
    file: &mut impl Write,
    read: impl FnOnce(&mut dyn FnMut(&[f32]) -> Result<(), String>) -> Result<(), String>,
) -> Result<(), String> {
    if norms.iter().all(|norm| *norm == [0, 0]) {
        norms.clear();
    }
    let header = Header {
        widths: progress.widths.clone(),
        identity: progress.identity.clone(),
        slices: progress.slices,
        steps: progress.steps,
        loss_sum: progress.losses.sum,
        loss_steps: progress.losses.batches,
        moments,
        norms,
        plateau: Some(PlateauHeader {
            best: progress.plateau.best.to_bits(),
            since: progress.plateau.since,
            factor: progress.plateau.factor.to_bits(),
        }),
        best: progress.best.as_ref().map(|best| BestHeader {
            metric: best.metric.clone(),
            value: best.value.to_bits(),
            steps: best.steps,
            counted: best.counted.to_bits(),
            since: best.since,
        }),
    };
    let header = serde_json::to_vec(&header).map_err(|error| error.to_string())?;
    let mut digest = Sha256::new();
    let mut put = |bytes: &[u8]| {
        digest.update(bytes);
        file.write_all(bytes).map_err(|error| error.to_string())
    };
    put(MAGIC)?;
    put(&(header.len() as u64).to_le_bytes())?;
    put(&header)?;
    let mut put_values = |values: &[f32]| byte_chunks(values).try_for_each(|bytes| put(&bytes));
    read(&mut put_values)?;
    let best = progress.best.as_ref().map(|best| &*best.parameters);
    best.into_iter().flat_map(tensors).try_for_each(|values| put_values(values))?;
    let checksum = digest.finalize();
    file.write_all(&checksum).map_err(|error| error.to_string())
}

/// All tensors of `parameters`, in order.
fn tensors(parameters: &Parameters) -> impl Iterator<Item = &Vec<f32>> {
    parameters.layers.iter().flat_map(LayerParameters::tensors)
}

/// The snapshot in `file`, or what is wrong with it. The file is read twice: its checksum is verified before anything in it is
/// believed.
pub(crate) fn read(file: &mut (impl Read + Seek)) -> Result<Snapshot, String> {
    let contents = verified(file)?;
    // The checksum matches, so anything wrong from here on was written so.
    let wrong = |problem: &str| format!("has an invalid header: {problem}");
    let unread = |error: io::Error| format!("cannot be read: {error}");
    file.seek(SeekFrom::Start(MAGIC.len() as u64)).map_err(unread)?;
    let mut length = [0; 8];
    let rest =
        contents.checked_sub((MAGIC.len() + length.len()) as u64).ok_or_else(|| wrong("it is too short"))?;
    file.read_exact(&mut length).map_err(unread)?;
    let length = u64::from_le_bytes(length);
    let numbers = rest.checked_sub(length).ok_or_else(|| wrong("it is too short"))?;
    if length > MOST_HEADER_BYTES {
        return Err(wrong(&format!("it takes {length} bytes, expected at most {MOST_HEADER_BYTES}")));
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header).map_err(unread)?;
    // serde quotes field names as messages quote settings.
    let mut header: Header =
        serde_json::from_slice(&header).map_err(|error| wrong(&error.to_string().replace('`', "'")))?;

    // Layer normalisation of earlier versions had neither gain nor shift.
    if header.norms.is_empty() && header.widths.len() > 2 {
        header.identity.entry(Setting::LayerNorm).and_modify(|value| {
            if value == "true" {
                *value = "plain".to_owned();
            }
        });
    }
    let norms = header.norms.iter().copied().chain(std::iter::repeat([0, 0]));
    let lengths = header.widths.windows(2).zip(norms).map(|(pair, [gain, shift])| {
        let (inputs, outputs) = (pair[0], pair[1]);
        Some([inputs.checked_mul(outputs)?, outputs, gain, shift])
    });
    let lengths: Option<Vec<_>> = lengths.collect();
    let count = lengths.as_ref().and_then(|lengths| {
        lengths.iter().flatten().try_fold(0_usize, |count, &length| count.checked_add(length))
    });
    let sets = 1 + usize::from(header.best.is_some());
    let expected =
        count.and_then(|count| count.checked_mul(header.moments.checked_add(sets)?)?.checked_mul(4));
    if expected.is_none_or(|expected| expected as u64 != numbers) || header.moments > MOST_MOMENTS {
        return Err(wrong("its widths do not match the values that follow"));
    }
    let mut values = |count: usize| {
        let mut values = vec![0.0_f32; count];
        file.read_exact(bytemuck::cast_slice_mut(&mut values)).map_err(unread)?;
        values.iter_mut().for_each(|value| *value = f32::from_bits(u32::from_le(value.to_bits())));
        Ok::<_, String>(values)
    };
    let mut parameters = || {
        let layers = lengths.iter().flatten().map(|&[weights, bias, gain, shift]| {
            Ok([values(weights)?, values(bias)?, values(gain)?, values(shift)?].into())
        });
        Ok::<_, String>(Parameters { layers: layers.collect::<Result<_, String>>()? })
    };
    let first = parameters()?;
    let moments = (0..header.moments).map(|_| parameters()).collect::<Result<_, _>>()?;
    let best = header.best.map(|best| {
        Ok::<_, String>(BestSoFar {
            metric: best.metric,
            value: f64::from_bits(best.value),
            steps: best.steps,
            counted: f64::from_bits(best.counted),
            since: best.since,
            parameters: Arc::new(parameters()?),
        })
    });
    let plateau = header.plateau.map_or_else(Plateau::default, |plateau| Plateau {
        best: f32::from_bits(plateau.best),
        since: plateau.since,
        factor: f32::from_bits(plateau.factor),
    });
    let progress = Progress {
        widths: header.widths,
        identity: header.identity,
        slices: header.slices,
        steps: header.steps,
        losses: LossSum { sum: header.loss_sum, batches: header.loss_steps },
        plateau,
        best: best.transpose()?,
    };
    Ok(Snapshot { progress, parameters: first, moments })
}

/// Reads all of `file` and compares its checksum. Returns the number of bytes before it.
fn verified(file: &mut impl Read) -> Result<u64, String> {
    let damaged = || "is damaged: its checksum does not match its contents".to_owned();
    let (mut digest, mut contents) = (Sha256::new(), 0_u64);
    let mut chunk = Vec::with_capacity(CHUNK_BYTES + CHECKSUM_BYTES);
    loop {
        let held = chunk.len();
        let read = file.take(CHUNK_BYTES as u64).read_to_end(&mut chunk);
        let is_end = read.map_err(|error| format!("cannot be read: {error}"))? == 0;
        if contents == 0 && held == 0 && !chunk.starts_with(MAGIC) {
            let is_ours = chunk.starts_with(FAMILY);
            let problem = if is_ours { OTHER_VERSION } else { "is not a snapshot of ckpt-gpu" };
            return Err(problem.to_owned());
        }
        // The last bytes may be the checksum.
        let before = chunk.len().checked_sub(CHECKSUM_BYTES).ok_or_else(damaged)?;
        digest.update(&chunk[..before]);
        contents += before as u64;
        chunk.drain(..before);
        if is_end {
            return if digest.finalize().as_slice() == chunk { Ok(contents) } else { Err(damaged()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn encode(snapshot: &Snapshot) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(snapshot, &mut bytes).unwrap();
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<Snapshot, String> {
        read(&mut Cursor::new(bytes))
    }

    fn snapshot() -> Snapshot {
        let parameters = |first: f32| Parameters {
            layers: vec![
                [vec![first, -1.5, 2.0, 0.1, 7.0, -0.0], vec![0.25, 1e-30], vec![], vec![]].into(),
                [vec![3.0, f32::MIN], vec![9.0], vec![1.5, -2.0], vec![first, 0.5]].into(),
            ],
        };
        let progress = Progress {
            widths: vec![3, 2, 1],
            identity: [(Setting::Lr, "0.1".to_owned())].into(),
            slices: Some(6),
            steps: 41,
            losses: LossSum { sum: 0.1 + 0.2, batches: 7.3 },
            plateau: Plateau { best: 0.1, since: 2, factor: 0.25 },
            best: Some(BestSoFar {
                metric: "loss".to_owned(),
                value: 0.1 + 0.2,
                steps: 30,
                counted: 0.5,
                since: 1,
                parameters: Arc::new(parameters(4.0)),
            }),
        };
        Snapshot { progress, parameters: parameters(1.0), moments: vec![parameters(2.0), parameters(3.0)] }
    }

    fn changed(change: impl FnOnce(&mut Progress)) -> Snapshot {
        let mut snapshot = snapshot();
        change(&mut snapshot.progress);
        snapshot
    }

    #[test]
    fn snapshots_round_trip() {
        let snapshot = snapshot();
        assert_eq!(decode(&encode(&snapshot)), Ok(snapshot));
        let plain = changed(|progress| (progress.best, progress.plateau) = (None, Plateau::default()));
        assert_eq!(decode(&encode(&plain)), Ok(plain));
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_detected() {
        let bytes = encode(&snapshot());
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
        }
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[index] ^= 1 << bit;
                assert!(decode(&flipped).is_err(), "bit {bit} of byte {index}");
            }
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(decode(&longer).is_err());
    }

    #[test]
    fn other_versions_and_other_files_are_rejected() {
        let mut bytes = encode(&snapshot());
        assert_eq!(bytes[FAMILY.len()], b'2');
        bytes[FAMILY.len()] = b'1';
        assert_eq!(decode(&bytes), Err(OTHER_VERSION.to_owned()));
        assert!(decode(b"PK").unwrap_err().contains("is not a snapshot"));
    }

    #[test]
    fn snapshots_without_slices_are_read() {
        let mut bytes = encode(&changed(|progress| progress.slices = None));
        let header = br#""slices":null,"#;
        let start = bytes.windows(header.len()).position(|window| window == header).unwrap();
        bytes.truncate(bytes.len() - CHECKSUM_BYTES);
        bytes.drain(start..start + header.len());
        let length = &mut bytes[MAGIC.len()..][..8];
        let shorter = u64::from_le_bytes((&*length).try_into().unwrap()) - header.len() as u64;
        length.copy_from_slice(&shorter.to_le_bytes());
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        assert_eq!(decode(&bytes), Ok(changed(|progress| progress.slices = None)));
    }

    #[test]
    fn layer_norm_of_earlier_versions_is_plain() {
        let with = |value: &str| {
            let identity = [(Setting::LayerNorm, value.to_owned())].into();
            let mut snapshot = changed(|progress| progress.identity = identity);
            let best = snapshot.progress.best.as_mut().map(|best| Arc::make_mut(&mut best.parameters));
            for parameters in [&mut snapshot.parameters].into_iter().chain(&mut snapshot.moments).chain(best)
            {
                for layer in &mut parameters.layers {
                    (layer.gain, layer.shift) = (Vec::new(), Vec::new());
                }
            }
            decode(&encode(&snapshot)).unwrap().progress.identity[&Setting::LayerNorm].clone()
        };
        assert_eq!(["true", "plain", "false"].map(with), ["plain", "plain", "false"]);
        let identity = [(Setting::LayerNorm, "true".to_owned())].into();
        let trained = changed(|progress| progress.identity = identity);
        assert_eq!(decode(&encode(&trained)), Ok(trained));
    }

    #[test]
    fn invalid_headers_are_errors() {
        for header in [
            "{}".to_owned(),
            format!(
                r#"{{"widths":[{0},{0}],"identity":{{}},"steps":0,"loss_sum":0,"loss_steps":0,"moments":2}}"#,
                usize::MAX
            ),
        ] {
            let mut bytes = MAGIC.to_vec();
            bytes.extend((header.len() as u64).to_le_bytes());
            bytes.extend(header.as_bytes());
            let checksum = Sha256::digest(&bytes);
            bytes.extend(checksum);
            assert!(decode(&bytes).unwrap_err().contains("header"), "{header}");
        }
    }
}
