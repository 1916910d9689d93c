use crate::memory::fallible;
use crate::{Error, Result, Setting};

/// `count` zeros for `what`.
///
/// # Errors
/// [`Error::DoesNotFit`] if the host has too little memory.
pub(super) fn zeros<T: Copy + Default>(what: &str, count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    fallible(|| values.try_reserve_exact(count)).map_err(|_| {
        let bytes = count * size_of::<T>();
        Error::DoesNotFit(format!(
            "{what} takes {bytes} bytes, more than the host has; \
             use a smaller {} or {}, or narrower {}",
            Setting::Batch,
            Setting::MicroBatch,
            Setting::Layers
        ))
    })?;
    values.resize(count, T::default());
    Ok(values)
}
