# A template of Git (git-init(1), TEMPLATE DIRECTORY) whose only hook runs the clone's own check before a commit.
{runCommand}:
runCommand "pantheros-check-hook" {} ''
  install -D -m 0755 ${./pre-commit.sh} $out/share/git-template/hooks/pre-commit
''
