use std::fmt;
use std::str::FromStr;

/// Width of every state, input first, written as `784,30x50,10`: `30x50` is fifty layers of 30.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widths(pub Vec<usize>);

impl FromStr for Widths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        /// Longer chains are taken for typing errors.
        const MOST_LAYERS: usize = 20_000;
        let mut widths = Vec::new();
        for part in text.split(',') {
            let number = |digits: &str| {
                usize::from_str(digits.trim()).map_err(|_| {
                    format!("found '{part}', expected a width such as 30, or 30x50 for fifty layers of 30")
                })
            };
            let (width, times) = match part.split_once('x') {
                Some((width, times)) => (number(width)?, number(times)?),
                None => (number(part)?, 1),
            };
            if width == 0 || times == 0 {
                return Err(format!("found '{part}', expected widths and counts of at least 1"));
            }
            if times > MOST_LAYERS - widths.len() {
                return Err(format!("found more than {MOST_LAYERS} layers, expected fewer"));
            }
            widths.extend(std::iter::repeat_n(width, times));
        }
        Ok(Widths(widths))
    }
}

impl fmt::Display for Widths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, run) in self.0.chunk_by(|a, b| a == b).enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match run {
                [width] => write!(f, "{comma}{width}")?,
                _ => write!(f, "{comma}{}x{}", run[0], run.len())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_read_back_as_written() {
        for text in ["784,30x50,10", "1,2", "7x3", "784,100,10"] {
            assert_eq!(text.parse::<Widths>().unwrap().to_string(), text);
        }
        assert_eq!("3, 2x2".parse(), Ok(Widths(vec![3, 2, 2])));
    }

    #[test]
    fn slips_are_named() {
        for text in [
            "",
            "784,",
            "784,ten",
            "30x",
            "x30",
            "784,0,10",
            "3x0",
            "-1,2",
            "9999999999999999999999",
            "2x20001",
        ] {
            let message = text.parse::<Widths>().unwrap_err();
            assert!(message.contains("found") && message.contains("expected"), "{text}: {message}");
        }
    }
}
