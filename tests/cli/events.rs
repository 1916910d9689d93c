//! TensorBoard's event files, read by no code of the crate nor of those that it uses.

/// A number of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    pub step: i64,
    pub tag: String,
    pub value: f32,
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub enum Logged {
    Version(String),
    /// What there was of this step and later ones is void.
    Start {
        step: i64,
    },
    Scalars(Vec<Scalar>),
}

/// The events of a file whose records are all whole.
pub fn read(mut bytes: &[u8]) -> Vec<Logged> {
    let mut events = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_at(8);
        assert_eq!(rest[..4], masked_crc(length), "checksum of the length of event {}", events.len());
        let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
        let (data, rest) = rest[4..].split_at(length);
        assert_eq!(rest[..4], masked_crc(data), "checksum of event {}", events.len());
        events.push(event(data));
        bytes = &rest[4..];
    }
    events
}

/// What is left of the scalars of several files, in order.
pub fn shown(files: &[Vec<Logged>]) -> Vec<Scalar> {
    let mut scalars = Vec::new();
    for event in files.iter().flatten() {
        match event {
            Logged::Version(_) => {}
            Logged::Start { step } => scalars.retain(|scalar: &Scalar| scalar.step < *step),
            Logged::Scalars(some) => scalars.extend_from_slice(some),
        }
    }
    scalars
}

/// Bit by bit, from the polynomial of RFC 3720.
fn masked_crc(data: &[u8]) -> [u8; 4] {
    let mut crc = u32::MAX;
    for &byte in data {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    let crc = !crc;
    crc.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// A field of a protocol buffer, by number.
enum Field<'a> {
    Whole(u64),
    Bytes(&'a [u8]),
}

fn fields(mut data: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !data.is_empty() {
        let key = varint(&mut data);
        let field = match key & 7 {
            0 => Field::Whole(varint(&mut data)),
            1 => Field::Bytes(take(&mut data, 8)),
            2 => {
                let length = varint(&mut data) as usize;
                Field::Bytes(take(&mut data, length))
            }
            5 => Field::Bytes(take(&mut data, 4)),
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

fn take<'a>(data: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = data.split_at(length);
    *data = rest;
    taken
}

fn varint(data: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(data, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("a number of more than ten bytes");
}

fn text(data: &[u8]) -> String {
    String::from_utf8(data.to_vec()).unwrap()
}

fn event(data: &[u8]) -> Logged {
    let (mut step, mut wall_time, mut logged) = (0, 0.0, None);
    for (number, field) in fields(data) {
        match (number, field) {
            (1, Field::Bytes(bytes)) => wall_time = f64::from_le_bytes(bytes.try_into().unwrap()),
            (2, Field::Whole(number)) => step = number as i64,
            (3, Field::Bytes(bytes)) => logged = Some(Logged::Version(text(bytes))),
            (5, Field::Bytes(bytes)) => logged = Some(Logged::Scalars(summary(bytes))),
            (7, Field::Bytes(bytes)) => {
                let [(1, Field::Whole(1))] = fields(bytes)[..] else { panic!("no start of a session") };
                logged = Some(Logged::Start { step: 0 });
            }
            (number, _) => panic!("field {number} of an event"),
        }
    }
    // 2020 to 2100.
    assert!((1.57e9..4.1e9).contains(&wall_time), "{wall_time}");
    match logged.unwrap() {
        Logged::Start { .. } => Logged::Start { step },
        Logged::Scalars(scalars) => {
            Logged::Scalars(scalars.into_iter().map(|scalar| Scalar { step, ..scalar }).collect())
        }
        version => version,
    }
}

fn summary(data: &[u8]) -> Vec<Scalar> {
    let value = |(number, field)| {
        let (1, Field::Bytes(value)) = (number, field) else { panic!("field {number} of a summary") };
        match fields(value)[..] {
            [(1, Field::Bytes(tag)), (2, Field::Bytes(value))] => {
                let value = f32::from_le_bytes(value.try_into().unwrap());
                Scalar { step: 0, tag: text(tag), value }
            }
            _ => panic!("no tag with a number"),
        }
    };
    fields(data).into_iter().map(value).collect()
}
