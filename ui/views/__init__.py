"""The page's views. They collect input, call the engine and draw; what they draw as HTML is made in `page`."""
