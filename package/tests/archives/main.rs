//! The crate through its public door: archives built by hand, by the packer and by chance.

#[cfg(test)]
mod build;
#[cfg(test)]
mod hostile_tar;
#[cfg(test)]
mod hostile_zip;
