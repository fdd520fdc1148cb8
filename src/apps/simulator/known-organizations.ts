import type { Random } from './random.ts'

/** An organization as tests and the command line define it; the directory assigns missing ids. */
export type OrganizationSeed = {
  id: number
  name: string
  operators: { id?: number; name: string; status?: number }[]
}

/**
 * The people of the ChatHub document (organization 24, next free id 104), and names that are hard to handle:
 * other scripts, composed and decomposed accents, emoji, quotes, equal names, surrounding spaces, a spreadsheet
 * formula, and a deleted person with the name of an active one.
 */
export function knownOrganizations(): OrganizationSeed[] {
  return [
    {
      id: 24,
      name: 'Customer Support',
      operators: [
        { id: 101, name: 'John Smith', status: 0 },
        { id: 102, name: 'Sarah Johnson', status: 0 },
        { id: 103, name: 'Mike Wilson', status: 1 },
      ],
    },
    {
      id: 6,
      name: 'Sales',
      operators: [
        { id: 1, name: 'Олена Шевченко', status: 0 },
        { id: 2, name: 'José Núñez', status: 0 },
        { id: 3, name: "Siobhán O'Neil", status: 0 },
        { id: 4, name: '🎧 Марія', status: 1 },
        { id: 5, name: 'Олена Шевченко', status: 2 },
      ],
    },
    {
      id: 42,
      name: 'Back Office',
      operators: [
        { id: 21, name: 'Łukasz Żółć', status: 0 },
        { id: 22, name: 'Zoë Ångström'.normalize('NFD'), status: 0 },
        { id: 23, name: '王小明', status: 0 },
        { id: 24, name: ' Anna  Müller ', status: 1 },
        { id: 25, name: '=SUM(A1:A9)', status: 2 },
      ],
    },
  ]
}

const firstNames = ['Олег', 'Ірина', 'Emma', 'José', 'Zoë', 'Alex', 'Łukasz', 'Siobhán', 'Тарас', 'Mary-Ann']
const lastNames = [
  'Шевченко',
  'Коваль',
  "O'Neil",
  'Núñez',
  'Brown',
  'Davis',
  'Żółć',
  'Müller',
  'Бондар',
  'Wu',
]

/**
 * The known people, extended or reduced to `organizations` and `operators`, and distributed evenly. About 5 % of
 * the added people are inactive and 5 % are deleted; equal names occur.
 */
export function generatedOrganizations(
  random: Random,
  operators?: number,
  organizations?: number,
): OrganizationSeed[] {
  const known = knownOrganizations()
  const made = known.slice(0, organizations ?? known.length)
  while (made.length < (organizations ?? 0)) {
    const id = 100 + made.length
    made.push({ id, name: `Department ${id}`, operators: [] })
  }
  let count = made.reduce((sum, organization) => sum + organization.operators.length, 0)
  for (let index = 0; made.length > 0 && count < (operators ?? 0); index++, count++) {
    made[index % made.length]!.operators.push({ name: anyName(random), status: anyStatus(random) })
  }
  return made
}

function anyName(random: Random): string {
  const first = firstNames[Math.floor(random() * firstNames.length)]
  const last = lastNames[Math.floor(random() * lastNames.length)]
  return `${first} ${last} ${Math.floor(random() * 10_000)}`
}

function anyStatus(random: Random): number {
  const chance = random()
  if (chance < 0.05) return 2
  return chance < 0.1 ? 1 : 0
}
