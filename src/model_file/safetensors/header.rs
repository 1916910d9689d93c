//! The header: where each tensor is, and the metadata.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::data::npz::shown;
use crate::model_file::{ARCHITECTURE_KEY, Architecture};

pub(super) const METADATA: &str = "__metadata__";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tensor {
    pub dtype: String,
    pub shape: Vec<usize>,
    pub data_offsets: [usize; 2],
}

#[derive(Default)]
pub(super) struct Header {
    pub metadata: BTreeMap<String, String>,
    pub tensors: BTreeMap<String, Tensor>,
}

impl Header {
    /// The architecture in the metadata, if there is one.
    pub fn architecture(&self) -> Result<Option<Architecture>, String> {
        let text = self.metadata.get(ARCHITECTURE_KEY);
        text.map(|text| Architecture::from_json(text.as_bytes())).transpose()
    }
}

/// Checks that the tensors cover all bytes, without gaps or overlaps.
pub(super) fn check_extents(tensors: &BTreeMap<String, Tensor>, bytes: usize) -> Result<(), String> {
    let mut extents: Vec<_> = tensors.iter().map(|(name, tensor)| (tensor.data_offsets, name)).collect();
    extents.sort_unstable();
    let mut end = 0;
    for ([start, until], name) in extents {
        if start != end || until < start {
            return Err(format!(
                "{}: found bytes {start} to {until}, expected a tensor that begins at {end}",
                shown(name)
            ));
        }
        end = until;
    }
    if end != bytes {
        return Err(format!("found {bytes} bytes of tensors, expected {end}"));
    }
    Ok(())
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object of tensors")
            }

            // By hand, because a map would silently keep the last of two tensors with the same name.
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut header = Header::default();
                while let Some(name) = map.next_key::<String>()? {
                    if name == METADATA {
                        header.metadata = map.next_value()?;
                    } else {
                        match header.tensors.entry(name) {
                            Entry::Vacant(place) => drop(place.insert(map.next_value()?)),
                            Entry::Occupied(place) => {
                                let problem = format!("two tensors have the name {}", place.key());
                                return Err(A::Error::custom(problem));
                            }
                        }
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
