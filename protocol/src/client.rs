//! `ManagerClient`: the one HTTP client of `/api/v1`, used by the command line, the viewer, the bench and the tests.
