export async function verifyCommand(): Promise<void> {}
