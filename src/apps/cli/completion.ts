import type { Command } from 'commander'

/** The words that may follow these, for the shells. */
export const wordsAfter = (program: Command, given: readonly string[]): string[] => {
  let command = program
  for (const word of given) command = command.commands.find((one) => one.name() === word) ?? command
  const names = command.commands.map((one) => one.name()).filter((name) => name !== 'complete')
  return [...names, ...command.options.flatMap(({ long }) => long ?? []), '--help']
}

/** What a shell evaluates, by its name. */
export const completions = {
  bash: `_chathub_gateway() {
  COMPREPLY=($(compgen -W "$(chathub-gateway complete -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}")" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _chathub_gateway chathub-gateway
`,
  zsh: `#compdef chathub-gateway
_chathub_gateway() { compadd -- \${(f)"$(chathub-gateway complete -- \${words[2,CURRENT-1]})"}; _files }
compdef _chathub_gateway chathub-gateway
`,
  fish: `complete -c chathub-gateway -a '(chathub-gateway complete -- (commandline -opc)[2..-1])'
`,
} as const
