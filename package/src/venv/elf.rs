//! For which machine a program or library was made, from the first bytes of its file.

/// How many bytes tell it.
pub const HEAD_BYTES: usize = 20;

/// `e_machine` of the ELF header (gABI, elf.h) and what `uname -m` says on such a machine.
const MACHINES: [(u16, &str); 8] = [
    (62, "x86_64"),
    (183, "aarch64"),
    (3, "i686"),
    (40, "armv7l"),
    (243, "riscv64"),
    (21, "ppc64le"),
    (22, "s390x"),
    (258, "loongarch64"),
];

/// What machine code is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Made {
    /// A platform as `uname -m` calls it.
    Linux(&'static str),
    /// ELF for a processor that is not in our list.
    UnknownMachine,
    MacOs,
    Windows,
}

/// Reads the begin of a file; None where it is no machine code.
pub fn read(head: &[u8]) -> Option<Made> {
    match head {
        [0x7f, b'E', b'L', b'F', _, order, ..] => {
            let field: [u8; 2] = head.get(18..20)?.try_into().ok()?;
            let machine = if *order == 2 { u16::from_be_bytes(field) } else { u16::from_le_bytes(field) };
            let known = MACHINES.iter().find(|(number, _)| *number == machine);
            Some(known.map_or(Made::UnknownMachine, |(_, name)| Made::Linux(name)))
        }
        // Mach-O of either width and order; the universal form shares its number with Java's classes and is not looked for
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xfe, 0xed, 0xfa, 0xcf | 0xce, ..] => Some(Made::MacOs),
        [b'M', b'Z', ..] => Some(Made::Windows),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(order: u8, machine: [u8; 2]) -> Vec<u8> {
        let mut head = vec![0x7f, b'E', b'L', b'F', 2, order, 1, 0];
        head.resize(18, 0);
        head.extend(machine);
        head
    }

    #[test]
    fn the_platform_is_in_the_header() {
        for (head, made) in [
            (elf(1, [62, 0]), Some(Made::Linux("x86_64"))),
            (elf(1, [183, 0]), Some(Made::Linux("aarch64"))),
            (elf(2, [0, 22]), Some(Made::Linux("s390x"))),
            (elf(1, [9, 9]), Some(Made::UnknownMachine)),
            (vec![0xcf, 0xfa, 0xed, 0xfe, 0, 0], Some(Made::MacOs)),
            (b"MZ\x90".to_vec(), Some(Made::Windows)),
            (b"#!/bin/sh\n".to_vec(), None),
            (vec![0x7f, b'E', b'L', b'F', 2, 1], None),
            (Vec::new(), None),
        ] {
            assert_eq!(read(&head), made, "{head:?}");
        }
    }

    #[test]
    fn this_program_is_made_for_this_machine() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();

        assert_eq!(read(&program[..HEAD_BYTES]), Some(Made::Linux(std::env::consts::ARCH)));
    }
}
