use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;

const CHEAP: PassphraseCost = PassphraseCost { memory_kib: 32, passes: 1, lanes: 4 };

fn phrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned())
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([1; 32])
}

fn key_in(dir: &tempfile::TempDir) -> KeyFile {
    KeyFile::at(dir.path().join("identity.key"))
}

#[test]
fn kept_with_mode_0600_and_read_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = key_in(&dir);
    let identity = Identity::from_seed([9; 32]);
    key.create(&identity).expect("created");
    let mode = fs::metadata(key.path()).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(key.load().expect("loaded").peer(), identity.peer());
}

#[test]
fn never_overwritten() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = key_in(&dir);
    key.create(&Identity::from_seed([9; 32])).expect("created");
    let again = key.create(&Identity::from_seed([8; 32]));
    assert!(matches!(again, Err(KeyFileError::Exists { .. })));
    assert_eq!(key.load().expect("loaded").peer(), Identity::from_seed([9; 32]).peer());
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1, "no temporary file is left");
}

#[test]
fn refused_when_others_can_read_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = key_in(&dir);
    key.create(&Identity::from_seed([9; 32])).expect("created");
    for mode in [0o640, 0o604, 0o644] {
        fs::set_permissions(key.path(), fs::Permissions::from_mode(mode)).expect("chmod");
        let error = key.load().expect_err("refused");
        assert!(matches!(error, KeyFileError::Exposed { .. }));
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}

#[test]
fn missing_and_malformed_say_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = key_in(&dir);
    assert!(key.load().expect_err("missing").to_string().contains("msec init"));
    for text in ["", "hello", "msec-key/2 00", "msec-key/3 00", "msec-key/1 zz\n", &"x".repeat(4096)] {
        fs::write(key.path(), text).expect("written");
        fs::set_permissions(key.path(), fs::Permissions::from_mode(0o600)).expect("chmod");
        assert!(matches!(key.load(), Err(KeyFileError::Malformed { .. })), "{text:?}");
    }
}

#[test]
fn under_a_passphrase_it_opens_with_that_and_no_other() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = key_in(&dir);
    let identity = Identity::from_seed([9; 32]);
    key.create_with(&identity, &phrase("four plain words"), CHEAP, &mut rng()).expect("created");
    assert!(key.is_protected().expect("read"));
    assert_eq!(key.load_with(&phrase("four plain words")).expect("loaded").peer(), identity.peer());
    let error = key.load_with(&phrase("guess")).expect_err("refused");
    assert!(error.to_string().contains("the passphrase is wrong"), "{error}");
    assert!(matches!(key.load(), Err(KeyFileError::Protected { .. })));
    let again = key.create_with(&identity, &phrase("other"), CHEAP, &mut rng());
    assert!(matches!(again, Err(KeyFileError::Exists { .. })));
    let mode = fs::metadata(key.path()).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let seed = HEXLOWER.encode(&[9; 32]);
    assert!(!fs::read_to_string(key.path()).expect("read").contains(&seed[..8]));
}

#[test]
fn a_passphrase_is_set_changed_and_taken_away() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = key_in(&dir);
    let peer = Identity::from_seed([9; 32]).peer();
    key.create(&Identity::from_seed([9; 32])).expect("created");
    key.protect(None, &phrase("one"), CHEAP, &mut rng()).expect("set");
    assert!(matches!(key.load(), Err(KeyFileError::Protected { .. })));
    assert!(matches!(
        key.protect(None, &phrase("two"), CHEAP, &mut rng()),
        Err(KeyFileError::Protected { .. })
    ));
    let wrong = key.protect(Some(&phrase("two")), &phrase("two"), CHEAP, &mut rng());
    assert!(matches!(wrong, Err(KeyFileError::WrongPassphrase { .. })));
    key.protect(Some(&phrase("one")), &phrase("two"), CHEAP, &mut rng()).expect("changed");
    assert!(matches!(key.load_with(&phrase("one")), Err(KeyFileError::WrongPassphrase { .. })));
    assert!(matches!(key.unprotect(&phrase("one")), Err(KeyFileError::WrongPassphrase { .. })));
    key.unprotect(&phrase("two")).expect("taken away");
    assert_eq!(key.load().expect("loaded").peer(), peer);
    assert_eq!(key.load_with(&phrase("whatever")).expect("an old file is read").peer(), peer);
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1, "no temporary file is left");
}

#[test]
fn a_file_that_asks_for_all_memory_is_refused_by_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let key = key_in(&dir);
    key.create_with(&Identity::from_seed([9; 32]), &phrase("one"), CHEAP, &mut rng()).expect("created");
    let text = fs::read_to_string(key.path()).expect("read").replace("m=32", "m=99999999");
    fs::write(key.path(), text).expect("written");
    assert!(matches!(key.load_with(&phrase("one")), Err(KeyFileError::Cost { .. })));
}
