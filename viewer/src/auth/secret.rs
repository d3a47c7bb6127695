//! Random words nobody guesses, and comparing them.

use uuid::Uuid;

/// Makes 64 hexadecimal digits from 244 random bits of the operating system (two random UUIDs).
pub(crate) fn random_secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// Compares without telling by its duration how much was right. Nothing is equal to an empty secret.
pub(crate) fn same(secret: &str, given: &str) -> bool {
    let (secret, given) = (secret.as_bytes(), given.as_bytes());
    !secret.is_empty()
        && secret.len() == given.len()
        && secret.iter().zip(given).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_secrets_are_the_same_and_none_equals_nothing() {
        let secret = random_secret();

        assert_eq!(secret.len(), 64);
        assert_ne!(secret, random_secret());
        assert!(same(&secret, &secret.clone()));
        assert!(!same(&secret, &secret[1..]));
        assert!(!same(&secret, &random_secret()));
        assert!(!same("", ""));
    }
}
