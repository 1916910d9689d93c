use wgpu::{BufferBinding, BufferUsages};

use super::fusion::MOST_GROUPS;
use super::sizes::SizesTable;
use crate::gpu::device::{Buffer, OpenDevice, Uploads};
use crate::gpu::pipelines::{Arguments, Context, Dispatch, Kernel};
use crate::memory::Category;
use crate::{Error, Result, Setting};

/// Allocates and binds everything that a run needs, before its first step.
pub struct Setup {
    pub context: Context,
    pub uploads: Uploads,
    sizes: SizesTable,
    sizes_buffer: Buffer,
}

impl Setup {
    pub fn new(context: Context, upload_bytes: u64, sizes: SizesTable) -> Result<Self> {
        let mut uploads = Uploads::new(&context.device, upload_bytes)?;
        let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let sizes_buffer = context.device.buffer(Category::Workspace, "sizes", sizes.bytes(), usage)?;
        uploads.copy(&context.device, &sizes.contents(), &sizes_buffer.raw)?;
        Ok(Setup { context, uploads, sizes, sizes_buffer })
    }

    pub fn buffer(&self, category: Category, label: &str, bytes: u64) -> Result<Buffer> {
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC;
        self.context.device.buffer(category, label, bytes, usage)
    }

    /// Allocates a buffer of `bytes` bytes and uploads `contents` to its start.
    pub fn filled(&mut self, category: Category, label: &str, bytes: u64, contents: &[u8]) -> Result<Buffer> {
        let buffer = self.buffer(category, label, bytes)?;
        self.write(&buffer, 0, contents)?;
        Ok(buffer)
    }

    /// Uploads `contents` to `buffer` from byte `offset`, a multiple of 4.
    pub fn write(&mut self, buffer: &Buffer, offset: u64, contents: &[u8]) -> Result<()> {
        self.uploads.copy_to(&self.context.device, contents, &buffer.raw, offset)
    }

    /// Dispatch of `kernel` with the uniform arguments `sizes`, on `operands` in the order of its bindings,
    /// for a result of `rows` × `columns`.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] if the result needs more workgroups than a dispatch can have.
    pub fn dispatch(
        &mut self,
        kernel: &Kernel,
        sizes: [u32; 4],
        operands: &[BufferBinding],
        [rows, columns]: [usize; 2],
    ) -> Result<Dispatch> {
        let sizes = self.sizes(sizes)?;
        let operands: Vec<_> = [&sizes].into_iter().chain(operands).cloned().collect();
        self.dispatch_without_sizes(kernel, &operands, [rows, columns])
    }

    /// As [`Setup::dispatch`], of a kernel without uniform arguments of its own.
    ///
    /// # Errors
    /// As [`Setup::dispatch`].
    pub fn dispatch_without_sizes(
        &self,
        kernel: &Kernel,
        operands: &[BufferBinding],
        [rows, columns]: [usize; 2],
    ) -> Result<Dispatch> {
        let [tile_columns, tile_rows] = kernel.extent;
        let workgroups = [workgroups(columns, tile_columns)?, workgroups(rows, tile_rows)?];
        self.context.bind(kernel, operands, Arguments::default(), workgroups)
    }

    /// Binding of an entry of the table of sizes.
    pub fn sizes(&self, entry: [u32; 4]) -> Result<BufferBinding<'_>> {
        let missing = || Error::internal(format!("the table of sizes lacks {entry:?}"));
        Ok(self.sizes_buffer.range(self.sizes.offset(entry).ok_or_else(missing)?, 16))
    }

    /// Dispatch of `groups` workgroups of `kernel` with `arguments`, on `operands` in the order of its bindings.
    ///
    /// # Errors
    /// As [`Setup::dispatch`].
    pub fn dispatch_groups(
        &mut self,
        kernel: &Kernel,
        arguments: Arguments,
        operands: &[BufferBinding],
        groups: [usize; 2],
    ) -> Result<Dispatch> {
        let groups = [workgroups(groups[0], 1)?, workgroups(groups[1], 1)?];
        self.context.bind(kernel, operands, arguments, groups)
    }

    /// Returns what the run still needs: the device, the uploads and the buffer of sizes, which the
    /// dispatches bind.
    pub fn finish(self) -> (OpenDevice, Uploads, Buffer) {
        (self.context.device, self.uploads, self.sizes_buffer)
    }
}

fn workgroups(extent: usize, tile: u32) -> Result<u32> {
    let needed = (extent as u64).div_ceil(u64::from(tile));
    if needed > MOST_GROUPS as u64 {
        return Err(Error::DoesNotFit(format!(
            "a side of {extent} takes {needed} workgroups, expected at most {MOST_GROUPS}; \
             use a smaller {} or {}, or narrower {}",
            Setting::Batch,
            Setting::MicroBatch,
            Setting::Layers
        )));
    }
    Ok(needed as u32)
}
