/// Parses a number of bytes: `65536`, `64KiB`, `64 MiB`, `1.5GiB`, or, in powers of ten, `8GB`.
///
/// # Errors
/// A message with the text found and the forms expected.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 10] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("kB", 1000),
        ("KB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
        ("", 1),
    ];
    let problem =
        || format!("found '{text}', expected a number of bytes such as 65536, 64KiB, 64MiB, 1.5GiB or 8GB");
    let (number, unit) = UNITS
        .iter()
        .find_map(|&(name, unit)| Some((text.strip_suffix(name)?.trim_end(), unit)))
        .ok_or_else(problem)?;
    let is_number = number.chars().all(|c| c.is_ascii_digit() || c == '.')
        && number.starts_with(|c: char| c.is_ascii_digit());
    if unit == 1 || !number.contains('.') {
        let whole: u64 = number.parse().map_err(|_| problem())?;
        return whole.checked_mul(unit).ok_or_else(problem);
    }
    let bytes = number.parse::<f64>().map_err(|_| problem())? * unit as f64;
    if is_number && bytes < 2f64.powi(63) { Ok(bytes as u64) } else { Err(problem()) }
}

/// Formats bytes in the largest unit in which they are at least 1: 771,720 is `753.6 KiB`.
pub fn format_bytes(bytes: u64) -> String {
    let (name, unit) = match bytes {
        0..0x400 => return format!("{bytes} B"),
        0x400..0x10_0000 => ("KiB", 1u64 << 10),
        0x10_0000..0x4000_0000 => ("MiB", 1 << 20),
        _ => ("GiB", 1 << 30),
    };
    format!("{:.1} {name}", bytes as f64 / unit as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_parsed() {
        let sizes = [
            ("0", 0),
            ("65536", 65536),
            ("64KiB", 65536),
            ("64 MiB", 64 << 20),
            ("1.5GiB", 3 << 29),
            ("0.5KiB", 512),
            ("64MB", 64_000_000),
            ("1.5 GB", 1_500_000_000),
            ("3kB", 3000),
        ];
        for (text, bytes) in sizes {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn malformed_sizes_are_rejected() {
        for text in [
            "",
            "MiB",
            "64mb",
            "64mib",
            "64k",
            "-1",
            "-1KiB",
            "1e3",
            "inf",
            "infGiB",
            "nanMiB",
            "1.5",
            ".5MiB",
            "1.2.3MiB",
            "99999999999GiB",
            "1e99MiB",
            "+1.5MiB",
        ] {
            let message = parse_bytes(text).unwrap_err();
            assert!(message.contains(text) && message.contains("expected"), "{text}: {message}");
        }
    }

    #[test]
    fn sizes_are_formatted() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (771_720, "753.6 KiB"), (3 << 29, "1.5 GiB")]
        {
            assert_eq!(format_bytes(bytes), text);
        }
    }
}
