use std::num::NonZero;

use wgpu::{BufferBinding, BufferUsages, ErrorFilter};

use super::open::OpenDevice;
use crate::memory::{ByCategory, Category, LedgerEntry};
use crate::{Error, Result, Setting};

/// A device buffer that is counted in the ledger.
pub struct Buffer {
    pub raw: wgpu::Buffer,
    _entry: LedgerEntry,
}

impl Buffer {
    /// Binding of the whole buffer.
    pub fn whole(&self) -> BufferBinding<'_> {
        self.raw.as_entire_buffer_binding()
    }

    /// Binding of `bytes` bytes from byte `offset`.
    pub fn range(&self, offset: u64, bytes: u64) -> BufferBinding<'_> {
        BufferBinding { buffer: &self.raw, offset, size: NonZero::new(bytes) }
    }
}

impl OpenDevice {
    /// Allocates a buffer that is bound whole.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] if device memory is exhausted, or if the buffer is larger than a binding.
    pub fn buffer(&self, category: Category, label: &str, bytes: u64, usage: BufferUsages) -> Result<Buffer> {
        let remedy = match category {
            Category::Parameters | Category::Gradients => format!("use narrower {}", Setting::Layers),
            Category::Batch => format!("use a smaller {} or {}", Setting::Batch, Setting::MicroBatch),
            Category::Dataset => format!("use {}", Setting::Dataset.with("host")),
            _ => format!(
                "use a smaller {} or {}, or narrower {}",
                Setting::Batch,
                Setting::MicroBatch,
                Setting::Layers
            ),
        };
        if usage.contains(BufferUsages::STORAGE) {
            self.check_binding(label, bytes, &remedy)?;
        }
        self.allocate(label, ByCategory::of(category, bytes), usage, &remedy)
    }

    /// Allocates blocks of a plan's pool, of which at most `slot_bytes` bytes are bound at once.
    ///
    /// # Errors
    /// As [`OpenDevice::buffer`].
    pub fn block(&self, label: &str, bytes: ByCategory, slot_bytes: u64) -> Result<Buffer> {
        let remedy = &format!("use a smaller {} or narrower {}", Setting::Batch, Setting::Layers);
        self.check_binding(label, slot_bytes, remedy)?;
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let remedy = &format!("{remedy}, or {} if layers are thin", Setting::Fused.with(false));
        self.allocate(label, bytes, usage, remedy)
    }

    /// Allocates a buffer that is counted in several categories and bound whole.
    ///
    /// # Errors
    /// As [`OpenDevice::buffer`].
    pub fn shared(&self, label: &str, bytes: ByCategory) -> Result<Buffer> {
        let remedy = &format!(
            "use narrower {}, another {} or no {}",
            Setting::Layers,
            Setting::Optimizer,
            Setting::ClipNorm
        );
        self.check_binding(label, bytes.total(), remedy)?;
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC;
        self.allocate(label, bytes, usage, remedy)
    }

    fn check_binding(&self, label: &str, bytes: u64, remedy: &str) -> Result<()> {
        let limit = self.limits().binding_bytes;
        if bytes <= limit {
            return Ok(());
        }
        Err(Error::DoesNotFit(format!(
            "{label} needs {bytes} bytes: {} binds at most {limit} at once; {remedy}",
            self.info.name
        )))
    }

    fn allocate(
        &self,
        label: &str,
        by_category: ByCategory,
        usage: BufferUsages,
        remedy: &str,
    ) -> Result<Buffer> {
        let bytes = by_category.total();
        let refuse = |problem: String| {
            Err(Error::DoesNotFit(format!("{label} needs {bytes} bytes: {problem}; {remedy}")))
        };
        let limit = self.limits().buffer_bytes;
        if bytes > limit {
            return refuse(format!("a buffer of {} has at most {limit}", self.info.name));
        }
        let scope = self.raw.push_error_scope(ErrorFilter::OutOfMemory);
        let raw = self.raw.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes,
            usage,
            mapped_at_creation: false,
        });
        if let Some(error) = pollster::block_on(scope.pop()) {
            return refuse(error.to_string());
        }
        self.count_object();
        let entry = self.ledger.book(label, by_category);
        Ok(Buffer { raw, _entry: entry })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::device::{AdapterKind, AdapterLimits};

    #[test]
    fn software_names_what_would_fit_where_a_buffer_does_not() {
        let device = OpenDevice::new(AdapterKind::Software, AdapterLimits::MOST).unwrap();
        let bytes = device.limits().binding_bytes + 4;
        let refused = device.buffer(Category::Dataset, "samples", bytes, BufferUsages::STORAGE);
        let message = refused.map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("samples") && message.contains("`dataset = host`"), "{message}");
        assert_eq!(device.ledger.allocated().total(), 0);
    }

    /// Blocks that grow to 32 MiB and more would hold seven such buffers in 28 MiB.
    #[test]
    fn software_reserves_little_more_than_buffers_take() {
        let device = OpenDevice::new(AdapterKind::Software, AdapterLimits::MOST).unwrap();
        let usage = BufferUsages::STORAGE;
        let buffers = [(); 7].map(|()| device.buffer(Category::Parameters, "W", 2 << 20, usage).unwrap());
        let reserved = device.raw.generate_allocator_report().unwrap().total_reserved_bytes;
        assert!((14 << 20..=18 << 20).contains(&reserved), "{reserved}");
        assert_eq!(device.ledger.allocated().total(), 14 << 20);
        drop(buffers);
    }
}
