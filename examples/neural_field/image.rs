//! Images as a neural field sees them: colours at coordinates.

use std::fs;
use std::path::Path;

use ckpt_gpu::data::{Dataset, Inputs, Split, Targets};
use ckpt_gpu::{Error, Result};

/// Colours from -1 to 1.
pub struct Image {
    pub width: usize,
    pub height: usize,
    /// `[height, width, 3]`
    pub rgb: Vec<f32>,
}

impl Image {
    /// Rings around three centres, one for each colour, the finer the farther they are.
    pub fn rings(size: usize) -> Self {
        let centres = [(-0.6, -0.5), (0.7, -0.2), (-0.1, 0.8)];
        let colours = coordinates(size, size).flat_map(|[x, y]| {
            centres.map(|(cx, cy): (f32, f32)| (12.0 * ((x - cx).powi(2) + (y - cy).powi(2))).cos())
        });
        Image { width: size, height: size, rgb: colours.collect() }
    }

    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |problem: String| Error::file(path, problem);
        let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
        // "P6 width height 255", then the colours; a comment goes to the end of its line.
        let mut rest = &bytes[..];
        let mut word = || loop {
            rest = rest.trim_ascii_start();
            let is_comment = rest.starts_with(b"#");
            let ends = |byte: &u8| if is_comment { *byte == b'\n' } else { byte.is_ascii_whitespace() };
            let end = rest.iter().position(ends)?;
            let word = std::str::from_utf8(&rest[..end]).ok()?;
            rest = &rest[end + 1..];
            if !is_comment {
                return Some(word);
            }
        };
        let (format, [width, height, most]) = (word(), [word(), word(), word()]);
        let number = |word: Option<&str>| word.and_then(|digits| digits.parse::<usize>().ok());
        let (Some("P6"), Some(width), Some(height), Some("255")) =
            (format, number(width), number(height), most)
        else {
            return Err(wrong("expected a binary PPM: P6, width, height and 255".to_owned()));
        };
        if width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3)) != Some(rest.len()) {
            let found = rest.len();
            return Err(wrong(format!("{found} bytes of {width}×{height} pixels, expected 3 a pixel")));
        }
        let rgb = rest.iter().map(|&byte| f32::from(byte) / 127.5 - 1.0).collect();
        Ok(Image { width, height, rgb })
    }

    /// Samples to train on, and to score: where a pixel is, and its colour.
    pub fn dataset(&self) -> Result<Dataset> {
        let inputs = coordinates(self.width, self.height).flatten().collect();
        let split =
            Split::new(2, Inputs::F32(inputs), Targets::Regression { width: 3, values: self.rgb.clone() })?;
        Dataset::in_memory(split.clone(), split)
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        let mut bytes = format!("P6\n{} {}\n255\n", self.width, self.height).into_bytes();
        bytes.extend(self.rgb.iter().map(|colour| ((colour + 1.0) * 127.5).round() as u8));
        fs::write(path, bytes).map_err(|error| Error::file(path, error.to_string()))
    }
}

/// Of all pixels, row by row, from -1 to 1.
fn coordinates(width: usize, height: usize) -> impl Iterator<Item = [f32; 2]> {
    let place = |index: usize, count: usize| (2 * index + 1) as f32 / count as f32 - 1.0;
    (0..height).flat_map(move |y| (0..width).map(move |x| [place(x, width), place(y, height)]))
}
