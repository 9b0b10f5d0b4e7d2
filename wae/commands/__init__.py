"""What the subcommands do that is no stage."""
