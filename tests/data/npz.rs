//! Reading valid and hostile npz archives, and writing archives, through the public interface.

use crate::archive::*;
use ckpt_gpu::data::Dataset;
use ckpt_gpu::data::npz::{self, Archive, Array, Entry, Values};
use std::fs;
use std::io::Read;
use zip::CompressionMethod::{Deflated, Stored};

#[test]
fn every_dtype_is_read_in_both_byte_orders() {
    let scratch = Scratch::new();
    let cases: [(&str, Vec<u8>, Values); 18] = [
        ("|u1", vec![1, 255], Values::U8(vec![1, 255])),
        ("|b1", vec![1, 0], Values::F32(vec![1.0, 0.0])),
        ("<f2", vec![0x00, 0x3c, 0x00, 0xc1], Values::F32(vec![1.0, -2.5])),
        (">f2", vec![0x3c, 0x00, 0xc1, 0x00], Values::F32(vec![1.0, -2.5])),
        // bfloat16, as NumPy writes it.
        ("<V2", vec![0x80, 0x3f, 0x20, 0xc0], Values::F32(vec![1.0, -2.5])),
        ("|i1", vec![1, 255], Values::I64(vec![1, -1])),
        ("<u2", vec![1, 2, 255, 255], Values::I64(vec![0x201, 65535])),
        (">u2", vec![1, 2, 255, 255], Values::I64(vec![0x102, 65535])),
        ("<i2", vec![1, 2, 254, 255], Values::I64(vec![0x201, -2])),
        (">i2", vec![1, 2, 255, 254], Values::I64(vec![0x102, -2])),
        ("<u4", [7u32.to_le_bytes(), u32::MAX.to_le_bytes()].concat(), Values::I64(vec![7, 0xffff_ffff])),
        (">i4", [7i32.to_be_bytes(), (-9i32).to_be_bytes()].concat(), Values::I64(vec![7, -9])),
        (">u8", [7u64.to_be_bytes(), (1u64 << 62).to_be_bytes()].concat(), Values::I64(vec![7, 1 << 62])),
        ("<i8", [7i64.to_le_bytes(), i64::MIN.to_le_bytes()].concat(), Values::I64(vec![7, i64::MIN])),
        ("<f4", le_f32(&[1.5, -0.0]), Values::F32(vec![1.5, -0.0])),
        (">f4", [1.5f32.to_be_bytes(), 3e-9f32.to_be_bytes()].concat(), Values::F32(vec![1.5, 3e-9])),
        ("<f8", [1.5f64.to_le_bytes(), 1e300f64.to_le_bytes()].concat(), Values::F64(vec![1.5, 1e300])),
        (">f8", [1.5f64.to_be_bytes(), 1e300f64.to_be_bytes()].concat(), Values::F64(vec![1.5, 1e300])),
    ];
    for (descr, data, values) in cases {
        for method in [Stored, Deflated] {
            let array = scratch.read(&archive(method, &[("a.npy", npy(descr, "(2,)", &data))]), "a").unwrap();
            assert_eq!(array, Array { shape: vec![2], values: values.clone() }, "{descr}");
        }
    }
    let too_big = archive(Stored, &[("a.npy", npy("<u8", "(1,)", &u64::MAX.to_le_bytes()))]);
    refused(scratch.read(&too_big, "a"), &["18446744073709551615", "9223372036854775807"]);
}

#[test]
fn unsupported_dtypes_are_rejected_with_a_remedy() {
    let scratch = Scratch::new();
    for descr in ["|O", "<f16", "<c8", "|S5", "<U3", "|V8", "<M8[ns]", "<m8", "", "<", "<i3", "é"] {
        let bytes = archive(Stored, &[("a.npy", npy(descr, "(1,)", &[0; 16]))]);
        refused(scratch.read(&bytes, "a"), &["a: ", descr, "save"]);
    }
    let text = "{'descr': [('x', '<f4'), ('y', '|O')], 'fortran_order': False, 'shape': (1,), }";
    let bytes = archive(Stored, &[("a.npy", npy_text(text, &[0; 16]))]);
    refused(scratch.read(&bytes, "a"), &["record", "('x', '<f4')", "save each field"]);
}

#[test]
fn fortran_order_becomes_c_order() {
    let scratch = Scratch::new();
    // a[i][j][k] = 100i + 10j + k, laid out with i fastest.
    let shape = [2, 3, 4];
    let fortran: Vec<u8> = (0..24).map(|n| (n % 2 * 100 + n / 2 % 3 * 10 + n / 6) as u8).collect();
    let text = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }";
    let array = scratch.read(&archive(Stored, &[("a.npy", npy_text(text, &fortran))]), "a").unwrap();
    let c: Vec<u8> = (0..24).map(|n| (n / 12 * 100 + n / 4 % 3 * 10 + n % 4) as u8).collect();
    assert_eq!(array, Array { shape: shape.to_vec(), values: Values::U8(c) });
}

#[test]
fn scalars_empty_arrays_and_long_ones_are_read() {
    let scratch = Scratch::new();
    let long: Vec<u8> = (0..3_000_001u32).flat_map(|n| (n as u16).to_be_bytes()).collect();
    let bytes = archive(
        Deflated,
        &[
            ("scalar.npy", npy("|u1", "()", &[9])),
            ("empty.npy", npy("<f8", "(3, 0)", &[])),
            ("long.npy", npy(">u2", "(3000001,)", &long)),
            ("notes.txt", b"no array".to_vec()),
        ],
    );
    let mut archive = Archive::open(&scratch.file(&bytes)).unwrap();
    assert_eq!(archive.keys().collect::<Vec<_>>(), ["empty", "long", "scalar"]);
    assert_eq!(archive.read("scalar").unwrap(), Array { shape: vec![], values: Values::U8(vec![9]) });
    assert_eq!(archive.read("empty").unwrap(), Array { shape: vec![3, 0], values: Values::F64(vec![]) });
    let Values::I64(long) = archive.read("long").unwrap().values else { panic!() };
    assert!(long.iter().enumerate().all(|(n, &v)| v == i64::from(n as u16)));
    refused(archive.read("W0"), &["no array W0", "empty, long, scalar"]);
}

#[test]
fn files_that_are_not_archives_are_rejected() {
    let scratch = Scratch::new();
    refused(Archive::open(&scratch.path("none.npz")).map(drop), &["no such file"]);
    refused(Dataset::load(&scratch.path("none.npz")), &["no such file", "data/mnist.npz", "`data`"]);
    for bytes in [&b""[..], b"PK", b"PK\x05\x06", &[0; 4096], &[b'P'; 70_000]] {
        refused(Archive::open(&scratch.file(bytes)).map(drop), &["not a complete .npz archive"]);
    }
    refused(scratch.read(&archive(Stored, &[]), "a"), &["no array a"]);
    let folder = scratch.path("folder.npz");
    fs::create_dir(&folder).unwrap();
    refused(Archive::open(&folder).map(drop), &["expected a regular file"]);
    refused(Dataset::load(&folder), &["folder", "IDX", "x_train"]);
}

#[test]
fn every_truncation_is_rejected() {
    let scratch = Scratch::new();
    for method in [Stored, Deflated] {
        let bytes = archive(method, &[("a.npy", npy("<f4", "(4,)", &le_f32(&[1.0, 2.0, 3.0, 4.0])))]);
        for length in 0..bytes.len() {
            refused(scratch.read(&bytes[..length], "a"), &[]);
        }
    }
}

#[test]
fn flipped_bits_in_values_are_detected() {
    let scratch = Scratch::new();
    for method in [Stored, Deflated] {
        let data = le_f32(&[1.0, 2.0, 3.0, 4.0]);
        let bytes = archive(method, &[("a.npy", npy("<f4", "(4,)", &data))]);
        let whole = scratch.read(&bytes, "a").unwrap();
        let data_at = bytes.windows(data.len()).position(|window| window == data);
        assert!(data_at.is_some() || method == Deflated);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let in_data = data_at.is_some_and(|at| (at..at + data.len()).contains(&(bit / 8)));
            match scratch.read(&flipped, "a") {
                Err(error) if in_data => refused(Err::<(), _>(error), &["a: ", "checksum", "damaged"]),
                Err(error) => refused(Err::<(), _>(error), &[]),
                // Dates, permissions and other metadata.
                Ok(array) => assert!(!in_data && array == whole, "bit {bit}"),
            }
        }
    }
}

#[test]
fn shapes_that_exceed_memory_or_the_file_are_rejected() {
    let scratch = Scratch::new();
    let read = |member: Vec<u8>| scratch.read(&archive(Deflated, &[("a.npy", member)]), "a");
    refused(read(npy("<f4", "(1099511627776, 1099511627776)", &[])), &["a: ", "1099511627776", "memory"]);
    refused(read(npy("<f4", "(4611686018427387904, 4)", &[])), &["memory"]);
    refused(read(npy("<f4", "(99999999999999999999999, 0)", &[])), &["memory"]);
    refused(read(npy("<f4", "(1099511627776,)", &[])), &["holds 0 bytes", "takes 4398046511104"]);
    refused(read(npy("<f4", "(3,)", &[0; 11])), &["holds 11 bytes", "takes 12"]);
    refused(read(npy("<f4", "(3,)", &[0; 13])), &["holds 13 bytes", "takes 12"]);
    refused(read(npy("<f4", "(0,)", &[0; 4])), &["holds 4 bytes", "takes 0"]);
}

#[test]
fn long_and_malformed_headers_are_rejected() {
    let scratch = Scratch::new();
    let read = |member: Vec<u8>| scratch.read(&archive(Deflated, &[("a.npy", member)]), "a");
    let mut huge = npy("<f4", "(1,)", &[0; 4]);
    huge[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    refused(read(huge), &["header of 4294967295 bytes", "65536"]);
    refused(read(npy_text(&" ".repeat(70_000), &[])), &["header of 70000 bytes"]);
    refused(read(npy_text(&"[".repeat(60_000), &[])), &["cannot be understood"]);
    refused(read(npy_text(&"{".repeat(60_000), &[])), &["cannot be understood"]);
    refused(read(b"\x93NUMPY\x09\x00".to_vec()), &["version 9.0"]);
    refused(read(b"not an array".to_vec()), &["magic"]);
    refused(read(b"\x93NUM".to_vec()), &["ends inside"]);
    refused(read(npy_text("\u{7f}\u{1b}[31m", &[])), &["\\u{1b}"]);
    let mut not_text = npy("<f4", "(1,)", &[0; 4]);
    not_text[13] = 0xff;
    refused(read(not_text), &["UTF-8"]);
}

#[test]
fn false_member_counts_are_rejected() {
    let scratch = Scratch::new();
    let count = (1u64 << 40).to_le_bytes();
    let record =
        [b"PK\x06\x06", &44u64.to_le_bytes()[..], &[45, 0, 45, 0], &[0; 8], &count, &count, &[0; 16]];
    let locator = [b"PK\x06\x07", &[0; 4][..], &100u64.to_le_bytes(), &[1, 0, 0, 0]];
    let end = [b"PK\x05\x06", &[0xff; 16][..], &[0; 2]];
    let bytes = [vec![0; 100], record.concat(), locator.concat(), end.concat()].concat();
    refused(Archive::open(&scratch.file(&bytes)).map(drop), &["1099511627776 members", "65535"]);

    let whole = archive(Stored, &[("a.npy", npy("|u1", "(1,)", &[1]))]);
    refused(scratch.read(&[b"#!", &whole[..]].concat(), "a"), &["not a complete .npz archive"]);
}

#[test]
fn duplicate_member_names_are_rejected() {
    let scratch = Scratch::new();
    let mut bytes =
        archive(Stored, &[("a.npy", npy("|u1", "(1,)", &[1])), ("b.npy", npy("|u1", "(1,)", &[2]))]);
    while bytes.windows(5).any(|w| w == b"b.npy") {
        patch(&mut bytes, b"b.npy", 0, b"a.npy");
    }
    refused(Archive::open(&scratch.file(&bytes)).map(drop), &["two members of the same name"]);
}

#[test]
fn zip_bombs_are_rejected_before_they_inflate() {
    let scratch = Scratch::new();
    let zeros = npy("|u1", "(4000000,)", &vec![0; 4_000_000]);
    let honest = archive(Deflated, &[("a.npy", zeros.clone()), ("b.npy", zeros)]);
    assert!(honest.len() < 10_000);
    assert_eq!(scratch.read(&honest, "a").unwrap().values.len(), 4_000_000);

    let mut limited = Archive::open(&scratch.file(&honest)).unwrap().with_limit(5_000_000);
    limited.read("a").unwrap();
    refused(limited.read("b"), &["b: ", "declares 40000", "inflated"]);

    // Declared sizes that deflate cannot reach: in the directory alone, then in both headers.
    let mut liar = honest.clone();
    patch(&mut liar, CENTRAL, 24, &0xf000_0000u32.to_le_bytes());
    refused(scratch.read(&liar, "a"), &["declares 4026531840 bytes", "hold at most"]);
    patch(&mut liar, LOCAL, 22, &0xf000_0000u32.to_le_bytes());
    refused(scratch.read(&liar, "a"), &["declares 4026531840 bytes", "hold at most"]);

    // A declared size that is too small, with a matching shape, for a longer stream.
    let mut short = archive(Deflated, &[("a.npy", npy("|u1", "(9,)", &[0; 1_000_000]))]);
    let declared = npy("|u1", "(9,)", &[0; 9]).len() as u32;
    patch(&mut short, CENTRAL, 24, &declared.to_le_bytes());
    refused(scratch.read(&short, "a"), &["a: ", "larger than its declared"]);
    // A declared size that is too large, but within the reach of deflate.
    let mut long = archive(Deflated, &[("a.npy", npy("|u1", "(1009,)", &[0; 9]))]);
    let declared = npy("|u1", "(1009,)", &[0; 1009]).len() as u32;
    patch(&mut long, CENTRAL, 24, &declared.to_le_bytes());
    refused(scratch.read(&long, "a"), &["ends before"]);
}

#[test]
fn encrypted_and_unknown_compression_are_rejected_by_name() {
    let scratch = Scratch::new();
    let bytes = archive(Stored, &[("a.npy", npy("|u1", "(1,)", &[1]))]);
    let mut encrypted = bytes.clone();
    patch(&mut encrypted, CENTRAL, 8, &[1, 0]);
    patch(&mut encrypted, LOCAL, 6, &[1, 0]);
    refused(scratch.read(&encrypted, "a"), &["a: ", "encrypted"]);
    let mut lzma = bytes;
    patch(&mut lzma, CENTRAL, 10, &[14, 0]);
    patch(&mut lzma, LOCAL, 8, &[14, 0]);
    refused(scratch.read(&lzma, "a"), &["a: ", "deflate"]);
}

fn entries<'a>(weights: &'a [f32], biases: &'a [f32]) -> Vec<Entry<'a>> {
    vec![
        Entry {
            key: "W0".into(),
            shape: vec![biases.len(), weights.len() / biases.len()],
            values: weights.into(),
        },
        Entry { key: "b0".into(), shape: vec![biases.len()], values: biases.into() },
    ]
}

#[test]
fn written_archives_are_read_by_ours_and_another_reader() {
    let scratch = Scratch::new();
    let weights: Vec<f32> = (0..200_000).map(|n| (n as f32).sin()).collect();
    let path = scratch.path("w.npz");
    npz::write(&path, &entries(&weights, &[0.5, f32::MIN_POSITIVE])).unwrap();

    let mut archive = Archive::open(&path).unwrap();
    let w0 = archive.read("W0").unwrap();
    assert_eq!(w0, Array { shape: vec![2, 100_000], values: Values::F32(weights.clone()) });
    assert_eq!(archive.read("b0").unwrap().shape, [2]);

    let mut zip = zip::ZipArchive::new(fs::File::open(&path).unwrap()).unwrap();
    let mut member = Vec::new();
    zip.by_name("W0.npy").unwrap().read_to_end(&mut member).unwrap();
    // By the letter of NumPy's format 1.0; tests/interop has NumPy itself read such files.
    let (magic, rest) = member.split_at(8);
    assert_eq!(magic, b"\x93NUMPY\x01\x00");
    let (header, values) = rest[2..].split_at(u16::from_le_bytes([rest[0], rest[1]]).into());
    let header = std::str::from_utf8(header).unwrap();
    assert_eq!((10 + header.len()) % 64, 0);
    assert_eq!(
        header.trim_end(),
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 100000), }",
        "{header:?}"
    );
    assert!(header.ends_with('\n'));
    let values: Vec<f32> =
        values.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!(values, weights);
}

#[test]
fn equal_arrays_give_equal_files_with_default_permissions() {
    let scratch = Scratch::new();
    let (one, two) = (scratch.path("1.npz"), scratch.path("2.npz"));
    fs::write(&two, "older and longer than what comes").unwrap();
    let plain = fs::metadata(&two).unwrap().permissions();
    for path in [&one, &two] {
        npz::write(path, &entries(&[1.0, 2.0], &[3.0])).unwrap();
        assert_eq!(fs::metadata(path).unwrap().permissions(), plain);
    }
    assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
    assert_eq!(fs::read_dir(scratch.0.path()).unwrap().count(), 2);
}

#[test]
fn failed_write_keeps_the_existing_file() {
    let scratch = Scratch::new();
    let path = scratch.file(b"old");
    let wrong = Entry { key: "W0".into(), shape: vec![2, 2], values: (&[1.0, 2.0, 3.0]).into() };
    refused(npz::write(&path, &[wrong]), &["W0", "[2, 2]", "3 values"]);
    let twice = [entries(&[1.0], &[1.0]), entries(&[1.0], &[1.0])].concat();
    refused(npz::write(&path, &twice), &["W0"]);
    assert_eq!(fs::read(&path).unwrap(), b"old");

    refused(npz::write(&scratch.path("none/w.npz"), &[]), &["none"]);
    refused(npz::write(&path.join("w.npz"), &[]), &["cannot be written"]);
    let folder = scratch.path("folder.npz");
    fs::create_dir(&folder).unwrap();
    refused(npz::write(&folder, &[]), &["cannot be written"]);
    assert_eq!(fs::read_dir(scratch.0.path()).unwrap().count(), 2, "nothing is left behind");
}

/// NumPy reads an array from a member of any name. Files of other kinds are named for what they are.
#[test]
fn arrays_are_known_by_their_contents_and_other_files_by_their_kind() {
    let scratch = Scratch::new();
    let bare = archive(Deflated, &[("x", npy("|u1", "(2,)", &[4, 5])), ("notes.txt", b"hello!".to_vec())]);
    let archive_of = |bytes: &[u8]| Archive::open(&scratch.file(bytes));
    assert_eq!(archive_of(&bare).unwrap().keys().collect::<Vec<_>>(), ["x"]);
    assert_eq!(scratch.read(&bare, "x").unwrap().values, Values::U8(vec![4, 5]));
    let torch = archive(Stored, &[("data/data.pkl", vec![0x80, 2]), ("data/version", b"3".to_vec())]);
    refused(archive_of(&torch), &["PyTorch", "np.savez"]);
    refused(archive_of(&archive(Stored, &[("a.txt", b"a".to_vec())])), &["without NumPy arrays"]);
    for (start, words) in [
        (&b"\x80\x04\x95"[..], ["pickle", "np.savez"]),
        (b"\x89PNG\r\n\x1a\n", ["PNG", "np.savez"]),
        (b"PAR1\x15", ["Parquet", "pandas"]),
        (b"\0\0\x08\x03", ["IDX", "folder"]),
    ] {
        refused(archive_of(start), &words);
    }
}
