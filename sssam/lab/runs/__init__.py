"""Many runs: records on disk, claims on them, and what hands runs to an engine and watches."""
