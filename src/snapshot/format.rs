//! Bytes of a snapshot: a line with the format's version, the length of the header as a little-endian u64, the header in
//! JSON, all values as little-endian f32 (parameters, then optimizer state, layer by layer, weights before bias), and the
//! SHA-256 of all of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{LossSum, Snapshot};
use crate::Setting;
use crate::model::{LayerParameters, Parameters};

/// Start of every version's first line.
const FAMILY: &[u8] = b"ckpt-gpu snapshot ";
/// Version 2 stores the run's identity by setting; version 1 stored it by flag.
const MAGIC: &[u8] = b"ckpt-gpu snapshot 2\n";
const CHECKSUM_BYTES: usize = 32;
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
    loss_steps: u64,
    moments: usize,
}

/// Bytes of `snapshot`.
pub(super) fn encode(snapshot: &Snapshot) -> Result<Vec<u8>, String> {
    let header = Header {
        widths: snapshot.widths.clone(),
        identity: snapshot.identity.clone(),
        slices: snapshot.slices,
        steps: snapshot.steps,
        loss_sum: snapshot.losses.sum,
        loss_steps: snapshot.losses.steps,
        moments: snapshot.moments.len(),
    };
    let header = serde_json::to_vec(&header).map_err(|error| error.to_string())?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    for parameters in [&snapshot.parameters].into_iter().chain(&snapshot.moments) {
        for LayerParameters { weights, bias } in &parameters.layers {
            bytes.extend(weights.iter().chain(bias).flat_map(|value| value.to_le_bytes()));
        }
    }
    let checksum = Sha256::digest(&bytes);
    bytes.extend(checksum);
    Ok(bytes)
}

/// The snapshot in `bytes`, or what is wrong with them.
pub(super) fn decode(bytes: &[u8]) -> Result<Snapshot, String> {
    if !bytes.starts_with(MAGIC) {
        let is_ours = bytes.starts_with(FAMILY);
        let problem = if is_ours { OTHER_VERSION } else { "is not a snapshot of ckpt-gpu" };
        return Err(problem.to_owned());
    }
    let damaged = || "is damaged: its checksum does not match its contents".to_owned();
    let (contents, checksum) =
        bytes.len().checked_sub(CHECKSUM_BYTES).map(|middle| bytes.split_at(middle)).ok_or_else(damaged)?;
    if Sha256::digest(contents).as_slice() != checksum {
        return Err(damaged());
    }
    // The checksum matches, so anything wrong from here on was written so.
    let wrong = |problem: &str| format!("has an invalid header: {problem}");
    let rest = contents.get(MAGIC.len()..).unwrap_or_default();
    let (length, rest) = rest.split_first_chunk().ok_or_else(|| wrong("it is too short"))?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| wrong("it is too long"))?;
    let (header, numbers) = rest.split_at_checked(length).ok_or_else(|| wrong("it is too short"))?;
    // serde quotes field names as messages quote settings.
    let header: Header =
        serde_json::from_slice(header).map_err(|error| wrong(&error.to_string().replace('`', "'")))?;

    let pairs = || header.widths.windows(2).map(|pair| (pair[0], pair[1]));
    let count = pairs().try_fold(0_usize, |count, (inputs, outputs)| {
        count.checked_add(inputs.checked_mul(outputs)?.checked_add(outputs)?)
    });
    let expected = count.and_then(|count| count.checked_mul(header.moments.checked_add(1)?)?.checked_mul(4));
    if expected != Some(numbers.len()) || header.moments > 2 {
        return Err(wrong("its widths do not match the values that follow"));
    }
    let mut numbers = numbers.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk));
    let mut read = || Parameters {
        layers: pairs()
            .map(|(inputs, outputs)| LayerParameters {
                weights: numbers.by_ref().take(inputs * outputs).collect(),
                bias: numbers.by_ref().take(outputs).collect(),
            })
            .collect(),
    };
    let parameters = read();
    let moments = (0..header.moments).map(|_| read()).collect();
    Ok(Snapshot {
        widths: header.widths,
        identity: header.identity,
        slices: header.slices,
        steps: header.steps,
        losses: LossSum { sum: header.loss_sum, steps: header.loss_steps },
        parameters,
        moments,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let parameters = |first: f32| Parameters {
            layers: vec![
                LayerParameters { weights: vec![first, -1.5, 2.0, 0.1, 7.0, -0.0], bias: vec![0.25, 1e-30] },
                LayerParameters { weights: vec![3.0, f32::MIN], bias: vec![9.0] },
            ],
        };
        Snapshot {
            widths: vec![3, 2, 1],
            identity: [(Setting::Lr, "0.1".to_owned())].into(),
            slices: Some(6),
            steps: 41,
            losses: LossSum { sum: 0.1 + 0.2, steps: 7 },
            parameters: parameters(1.0),
            moments: vec![parameters(2.0), parameters(3.0)],
        }
    }

    #[test]
    fn snapshots_round_trip() {
        let snapshot = snapshot();
        assert_eq!(decode(&encode(&snapshot).unwrap()), Ok(snapshot));
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_detected() {
        let bytes = encode(&snapshot()).unwrap();
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
        let mut bytes = encode(&snapshot()).unwrap();
        assert_eq!(bytes[FAMILY.len()], b'2');
        bytes[FAMILY.len()] = b'1';
        assert_eq!(decode(&bytes), Err(OTHER_VERSION.to_owned()));
        assert!(decode(b"PK").unwrap_err().contains("is not a snapshot"));
    }

    #[test]
    fn snapshots_without_slices_are_read() {
        let mut bytes = encode(&Snapshot { slices: None, ..snapshot() }).unwrap();
        let header = br#""slices":null,"#;
        let start = bytes.windows(header.len()).position(|window| window == header).unwrap();
        bytes.truncate(bytes.len() - CHECKSUM_BYTES);
        bytes.drain(start..start + header.len());
        let length = &mut bytes[MAGIC.len()..][..8];
        let shorter = u64::from_le_bytes((&*length).try_into().unwrap()) - header.len() as u64;
        length.copy_from_slice(&shorter.to_le_bytes());
        let checksum = Sha256::digest(&bytes);
        bytes.extend(checksum);
        assert_eq!(decode(&bytes), Ok(Snapshot { slices: None, ..snapshot() }));
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
