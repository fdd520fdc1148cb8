/** The first call in four languages, as text. The others take the key from the environment too. */
export const firstCalls = (origin: string, key: string): Record<string, string> => ({
  curl: `export KEY='${key}'
curl '${origin}/v1/organizations/24/operators?status=active' \\
  -H "X-API-Key: $KEY"
`,
  JavaScript: `const answer = await fetch('${origin}/v1/organizations/24/operators?status=active', {
  headers: { 'X-API-Key': process.env.KEY },
})
const { items } = await answer.json()
for (const { id, name, status } of items) console.log(id, name, status)
`,
  Python: `import json, os
from urllib.request import Request, urlopen

request = Request('${origin}/v1/organizations/24/operators?status=active')
request.add_header('X-API-Key', os.environ['KEY'])
for operator in json.load(urlopen(request))['items']:
    print(operator['id'], operator['name'], operator['status'])
`,
  PHP: `<?php
$context = stream_context_create(['http' => ['header' => 'X-API-Key: ' . getenv('KEY')]]);
$url = '${origin}/v1/organizations/24/operators?status=active';
foreach (json_decode(file_get_contents($url, false, $context))->items as $operator) {
    echo "$operator->id $operator->name $operator->status\\n";
}
`,
})
