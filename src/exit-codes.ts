/** Exit codes of all commands, from sysexits.h. */
export const exitCodes = {
  /** The command was used wrongly. */
  usage: 64,
  /** What was given as data is wrong, such as a file. */
  data: 65,
  /** A file cannot be read. */
  noInput: 66,
  /** The gateway or ChatHub cannot be reached, or a port is taken. */
  unavailable: 69,
  /** A file cannot be written. */
  cannotCreate: 73,
  /** Try again later: it may or may not have been carried out. */
  tryLater: 75,
  /** The credential is not valid, or may not do this. */
  noPermission: 77,
  /** The settings have a fault. */
  config: 78,
} as const
