//! The crate through its public door: archives built by hand, by the packer and by chance.

#[cfg(test)]
mod build;
#[cfg(test)]
mod chance;
#[cfg(test)]
mod environments;
#[cfg(test)]
mod hostile_tar;
#[cfg(test)]
mod hostile_zip;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod packing;
#[cfg(test)]
mod pixi;
#[cfg(test)]
mod surveying;
#[cfg(test)]
mod unpacking;
