"""The networks: the streaming encoder, the stateless transducer on top, and the teacher they start from."""
