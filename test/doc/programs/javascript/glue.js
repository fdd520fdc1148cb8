// What the document's functions call without showing it: the class's methods as functions, and the two calls of
// « Intégrer les nouveaux membres de l'équipe » that live outside it.
const manager = new OperatorManager('your-company-token');
const listOperators = organizationId => manager.listOperators(organizationId);
const addOperators = operators => manager.addOperators(operators);
const getActiveOperators = organizationId => manager.getActiveOperators(organizationId);

async function getOperatorToken(operatorId) {
  const response = await axios.post(
    `${manager.baseUrl}/api/operator/get-token`,
    { id: operatorId, expiresAt: new Date(Date.now() + 8 * 3600 * 1000).toISOString() },
    { headers: { ...manager.headers, 'Content-Type': 'application/json' } }
  );

  return response.data;
}

async function sendWelcomeEmail(operator, token) {
  const response = await axios.post(
    `${manager.baseUrl}/api/operator/validate-token`,
    { token },
    { headers: { ...manager.headers, 'Content-Type': 'application/json' } }
  );
  const { isValid, operatorId } = response.data;
  console.log(`Welcome ${operator.name} (ID: ${operator.id}): token valid ${isValid}, of ${operatorId}`);
}
